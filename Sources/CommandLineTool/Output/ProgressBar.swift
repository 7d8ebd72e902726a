/// One line on standard error that is drawn anew, only on a terminal.
struct ProgressBar {
  /// 0: not known, so that only the note is shown.
  let total: UInt64
  let label: String
  private var shown = ""

  init(_ label: String, total: UInt64) {
    self.label = label
    self.total = total
  }

  mutating func update(_ done: UInt64, note: String = "") {
    guard Terminal.showsProgress else { return }
    let line = Self.line(label, done, of: total, note)
    guard line != shown else { return }
    shown = line
    Terminal.write("\r\(line)\u{1B}[K", to: 2)
  }

  static func line(_ label: String, _ done: UInt64, of total: UInt64, _ note: String) -> String {
    guard total > 0 else { return "\(label) \(note)" }
    let percent = Int(Double(min(done, total)) / Double(total) * 100)
    let filled = percent * 30 / 100
    let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: 30 - filled)
    return "\(label) \(bar) \(percent)% \(note)"
  }

  mutating func finish() {
    guard !shown.isEmpty else { return }
    shown = ""
    Terminal.write("\r\u{1B}[K", to: 2)
  }
}

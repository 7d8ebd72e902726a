/// One line on standard error that is drawn anew, only on a terminal.
struct ProgressBar {
  let total: UInt64
  let label: String
  private var shown = -1

  init(_ label: String, total: UInt64) {
    self.label = label
    self.total = total
  }

  mutating func update(_ done: UInt64, note: String = "") {
    guard Terminal.showsProgress, total > 0 else { return }
    let percent = Int(min(100, done * 100 / total))
    guard percent != shown else { return }
    shown = percent
    let filled = percent * 30 / 100
    let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: 30 - filled)
    Terminal.write("\r\(label) \(bar) \(percent)% \(note)\u{1B}[K", to: 2)
  }

  mutating func finish() {
    guard shown >= 0 else { return }
    Terminal.write("\r\u{1B}[K", to: 2)
  }
}

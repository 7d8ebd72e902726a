/// Builds a page in the Prometheus text exposition format 0.0.4.
struct PrometheusText {
  static let contentType = "text/plain; version=0.0.4; charset=utf-8"

  enum Kind: String {
    case counter
    case gauge
    case histogram
  }

  private(set) var text = ""

  /// Begins a family: all its samples follow before the next.
  mutating func family(_ name: String, _ kind: Kind, _ help: String) {
    text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n"
  }

  mutating func sample(_ name: String, _ labels: [(String, String)] = [], _ value: Double) {
    text += name
    write(labels)
    text += " \(Self.number(value))\n"
  }

  mutating func sample(_ name: String, _ labels: [(String, String)] = [], _ value: UInt64) {
    text += name
    write(labels)
    text += " \(value)\n"
  }

  /// A family of one value.
  mutating func add(_ name: String, _ kind: Kind, _ value: Double, _ help: String) {
    family(name, kind, help)
    sample(name, [], value)
  }

  mutating func add(_ name: String, _ kind: Kind, _ value: UInt64, _ help: String) {
    family(name, kind, help)
    sample(name, [], value)
  }

  /// - Parameter counts: not cumulative; one more than `bounds`, the last is everything above.
  mutating func histogram(
    _ name: String, _ labels: [(String, String)], bounds: [Double], counts: [UInt64], sum: Double
  ) {
    var total: UInt64 = 0
    for (index, count) in counts.enumerated() {
      total += count
      let bound = index < bounds.count ? Self.number(bounds[index]) : "+Inf"
      sample(name + "_bucket", labels + [("le", bound)], total)
    }
    sample(name + "_sum", labels, sum)
    sample(name + "_count", labels, total)
  }

  private mutating func write(_ labels: [(String, String)]) {
    guard !labels.isEmpty else { return }
    text += "{"
    for (index, (name, value)) in labels.enumerated() {
      if index > 0 { text += "," }
      text += "\(name)=\"\(Self.escape(value))\""
    }
    text += "}"
  }

  private static func number(_ value: Double) -> String {
    if value == value.rounded(), abs(value) < 1e15 { return String(Int64(value)) }
    return String(value)
  }

  private static func escape(_ value: String) -> String {
    guard value.contains(where: { $0 == "\\" || $0 == "\"" || $0.isNewline }) else { return value }
    return value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
  }
}

import Jobs

/// Statements in the making, with the values in them.
struct SQLText {
  private(set) var bytes: [UInt8] = []
  let prefix: String

  init(prefix: String) { self.prefix = prefix }

  /// Adds text, with the tables' prefix in place of `gkick_`.
  mutating func add(_ text: String) {
    if prefix == "gkick_" {
      bytes.append(contentsOf: text.utf8)
    } else {
      bytes.append(contentsOf: text.replacing("gkick_", with: prefix).utf8)
    }
  }

  mutating func add(_ value: Int64) { bytes.append(contentsOf: String(value).utf8) }

  mutating func add(_ value: Int64?) {
    if let value { add(value) } else { add("NULL") }
  }

  mutating func add(_ time: Timestamp?) { add(time?.microseconds) }

  /// As a text of utf8mb4.
  mutating func add(quoted text: String) { quote(text.utf8) }

  /// NULL for an empty one.
  mutating func add(nonEmpty text: String) {
    if text.isEmpty { add("NULL") } else { quote(text.utf8) }
  }

  mutating func add(binary value: [UInt8]?) {
    guard let value else { return add("NULL") }
    bytes.append(contentsOf: "_binary".utf8)
    quote(value)
  }

  /// The session's sql_mode takes backslashes for what they are here.
  private mutating func quote(_ value: some Sequence<UInt8>) {
    bytes.append(UInt8(ascii: "'"))
    for byte in value {
      switch byte {
      case 0:
        bytes.append(UInt8(ascii: "\\"))
        bytes.append(UInt8(ascii: "0"))
      case UInt8(ascii: "'"), UInt8(ascii: "\\"):
        bytes.append(UInt8(ascii: "\\"))
        bytes.append(byte)
      default: bytes.append(byte)
      }
    }
    bytes.append(UInt8(ascii: "'"))
  }

  /// Values in parentheses, one list after the other.
  mutating func add(list values: some Sequence<Int64>) {
    add("(")
    var isFirst = true
    for value in values {
      if !isFirst { add(",") }
      isFirst = false
      add(value)
    }
    add(")")
  }

  /// `INSERT INTO table (columns) VALUES (...), (...)`: called for each row before its first value.
  mutating func row(_ index: Int) { add(index == 0 ? "(" : "),(") }
}

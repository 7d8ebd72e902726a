/// JSON as producers and databases write it, taken apart.
public enum ParsedJSON: Sendable {
  case null
  case bool(Bool)
  /// As it was written.
  case number(String)
  case text(String)
  case array([ParsedJSON])
  case object([JSONField])

  /// The fields of an object, in their order. - Returns: nil: it is something else, or deeper than 100 levels.
  public static func object(_ text: [UInt8]) -> [JSONField]? {
    var parser = Parser(text)
    guard case .object(let fields)? = parser.value(0) else { return nil }
    parser.skip()
    return parser.isAtEnd ? fields : nil
  }

  /// An object's values, if all are texts.
  public var texts: [(key: String, value: String)]? {
    guard case .object(let fields) = self else { return nil }
    return Self.texts(fields)
  }

  /// The same of an object's fields.
  public static func texts(_ fields: [JSONField]) -> [(key: String, value: String)]? {
    var found: [(key: String, value: String)] = []
    for field in fields {
      guard case .text(let text) = field.value else { return nil }
      found.append((field.key, text))
    }
    return found
  }
}

public struct JSONField: Sendable {
  public var key: String
  public var value: ParsedJSON
  /// The value as it was written.
  public var bytes: ArraySlice<UInt8>
}

private struct Parser {
  private static let deepest = 100
  private let bytes: [UInt8]
  private var place = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  var isAtEnd: Bool { place == bytes.count }
  private var next: UInt8? { place < bytes.count ? bytes[place] : nil }

  mutating func skip() {
    while let next, next == 0x20 || next == 0x0A || next == 0x0D || next == 0x09 { place += 1 }
  }

  private mutating func take(_ byte: UInt8) -> Bool {
    skip()
    guard next == byte else { return false }
    place += 1
    return true
  }

  private mutating func take(word: StaticString) -> Bool {
    let wanted = String(describing: word).utf8
    guard bytes[place...].starts(with: wanted) else { return false }
    place += wanted.count
    return true
  }

  mutating func value(_ depth: Int) -> ParsedJSON? {
    skip()
    guard let next, depth <= Self.deepest else { return nil }
    switch next {
    case UInt8(ascii: "{"): return object(depth)
    case UInt8(ascii: "["): return array(depth)
    case UInt8(ascii: "\""): return string().map(ParsedJSON.text)
    case UInt8(ascii: "t"): return take(word: "true") ? .bool(true) : nil
    case UInt8(ascii: "f"): return take(word: "false") ? .bool(false) : nil
    case UInt8(ascii: "n"): return take(word: "null") ? .null : nil
    default: return number()
    }
  }

  private mutating func object(_ depth: Int) -> ParsedJSON? {
    place += 1
    var fields: [JSONField] = []
    if take(UInt8(ascii: "}")) { return .object(fields) }
    repeat {
      skip()
      guard next == UInt8(ascii: "\""), let key = string(), take(UInt8(ascii: ":")) else { return nil }
      skip()
      let start = place
      guard let value = value(depth + 1) else { return nil }
      fields.append(JSONField(key: key, value: value, bytes: bytes[start..<place]))
    } while take(UInt8(ascii: ","))
    return take(UInt8(ascii: "}")) ? .object(fields) : nil
  }

  private mutating func array(_ depth: Int) -> ParsedJSON? {
    place += 1
    var values: [ParsedJSON] = []
    if take(UInt8(ascii: "]")) { return .array(values) }
    repeat {
      guard let value = value(depth + 1) else { return nil }
      values.append(value)
    } while take(UInt8(ascii: ","))
    return take(UInt8(ascii: "]")) ? .array(values) : nil
  }

  private mutating func digits() -> Bool {
    let start = place
    while let next, (0x30...0x39).contains(next) { place += 1 }
    return place > start
  }

  private mutating func number() -> ParsedJSON? {
    let start = place
    if next == UInt8(ascii: "-") { place += 1 }
    if next == UInt8(ascii: "0") { place += 1 } else if !digits() { return nil }
    if next == UInt8(ascii: ".") {
      place += 1
      guard digits() else { return nil }
    }
    if next == UInt8(ascii: "e") || next == UInt8(ascii: "E") {
      place += 1
      if next == UInt8(ascii: "+") || next == UInt8(ascii: "-") { place += 1 }
      guard digits() else { return nil }
    }
    return .number(String(decoding: bytes[start..<place], as: UTF8.self))
  }

  private mutating func string() -> String? {
    place += 1
    var result: [UInt8] = []
    while let byte = next {
      place += 1
      switch byte {
      case UInt8(ascii: "\""): return String(validating: result, as: UTF8.self)
      case UInt8(ascii: "\\"):
        guard let scalar = escape() else { return nil }
        result.append(contentsOf: String(Character(scalar)).utf8)
      case ..<0x20: return nil
      default: result.append(byte)
      }
    }
    return nil
  }

  private mutating func escape() -> Unicode.Scalar? {
    guard let byte = next else { return nil }
    place += 1
    switch byte {
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "b"): return "\u{8}"
    case UInt8(ascii: "f"): return "\u{C}"
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
    case UInt8(ascii: "u"):
      guard let unit = hex() else { return nil }
      // What is no pair of surrogates has no scalar if it is one.
      guard unit & 0xFC00 == 0xD800 else { return Unicode.Scalar(unit) }
      guard next == UInt8(ascii: "\\"), place + 1 < bytes.count, bytes[place + 1] == UInt8(ascii: "u") else {
        return nil
      }
      place += 2
      guard let low = hex(), low & 0xFC00 == 0xDC00 else { return nil }
      return Unicode.Scalar(0x10000 + (unit & 0x3FF) << 10 + (low & 0x3FF))
    default: return nil
    }
  }

  private mutating func hex() -> UInt32? {
    guard place + 4 <= bytes.count else { return nil }
    var value: UInt32 = 0
    for byte in bytes[place..<place + 4] {
      let digit: UInt8
      switch byte {
      case 0x30...0x39: digit = byte - 0x30
      case 0x41...0x46: digit = byte - 0x37
      case 0x61...0x66: digit = byte - 0x57
      default: return nil
      }
      value = value << 4 | UInt32(digit)
    }
    place += 4
    return value
  }
}

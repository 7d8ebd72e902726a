/// Reads a JSON object whose values are texts, as databases print it.
public enum FlatObject {
  /// nil: it is something else.
  public static func entries(_ text: String) -> [(key: String, value: String)]? {
    var parser = Parser(Array(text.utf8))
    return parser.object()
  }

  private struct Parser {
    let bytes: [UInt8]
    var place = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    mutating func skip() {
      while place < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[place]) { place += 1 }
    }

    mutating func take(_ byte: Character) -> Bool {
      skip()
      guard place < bytes.count, bytes[place] == byte.asciiValue else { return false }
      place += 1
      return true
    }

    mutating func object() -> [(key: String, value: String)]? {
      guard take("{") else { return nil }
      var found: [(key: String, value: String)] = []
      if !take("}") {
        repeat {
          guard let key = string(), take(":"), let value = string() else { return nil }
          found.append((key, value))
        } while take(",")
        guard take("}") else { return nil }
      }
      skip()
      return place == bytes.count ? found : nil
    }

    mutating func string() -> String? {
      guard take("\"") else { return nil }
      var result: [UInt8] = []
      while place < bytes.count {
        let byte = bytes[place]
        place += 1
        switch byte {
        case UInt8(ascii: "\""): return String(validating: result, as: UTF8.self)
        case UInt8(ascii: "\\"):
          guard let scalar = escape() else { return nil }
          result.append(contentsOf: String(Character(scalar)).utf8)
        default: result.append(byte)
        }
      }
      return nil
    }

    mutating func escape() -> Unicode.Scalar? {
      guard place < bytes.count else { return nil }
      let byte = bytes[place]
      place += 1
      switch byte {
      case UInt8(ascii: "n"): return "\n"
      case UInt8(ascii: "t"): return "\t"
      case UInt8(ascii: "r"): return "\r"
      case UInt8(ascii: "b"): return "\u{8}"
      case UInt8(ascii: "f"): return "\u{C}"
      case UInt8(ascii: "u"):
        guard let unit = hex() else { return nil }
        if unit & 0xFC00 != 0xD800 { return Unicode.Scalar(unit) }
        guard place + 1 < bytes.count, bytes[place] == UInt8(ascii: "\\"), bytes[place + 1] == UInt8(ascii: "u") else {
          return nil
        }
        place += 2
        guard let low = hex(), low & 0xFC00 == 0xDC00 else { return nil }
        return Unicode.Scalar(0x10000 + (unit & 0x3FF) << 10 + (low & 0x3FF))
      default: return Unicode.Scalar(byte)
      }
    }

    mutating func hex() -> UInt32? {
      guard place + 4 <= bytes.count else { return nil }
      defer { place += 4 }
      return UInt32(String(decoding: bytes[place..<place + 4], as: UTF8.self), radix: 16)
    }
  }
}

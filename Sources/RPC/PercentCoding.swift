/// The percent-encoding of `grpc-message`: UTF-8, where only 0x20-0x24 and 0x26-0x7E stand for themselves.
enum PercentCoding {
  private static let digits = Array("0123456789ABCDEF".utf8)

  static func encode(_ text: String) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(text.utf8.count)
    for byte in text.utf8 {
      if (0x20...0x7e).contains(byte), byte != UInt8(ascii: "%") {
        result.append(byte)
      } else {
        result.append(UInt8(ascii: "%"))
        result.append(digits[Int(byte >> 4)])
        result.append(digits[Int(byte & 15)])
      }
    }
    return result
  }

  /// Never fails: what is no escape stays as it is, what is no UTF-8 becomes U+FFFD (gRPC: "must not discard or error").
  static func decode(_ bytes: some RandomAccessCollection<UInt8>) -> String {
    var result: [UInt8] = []
    result.reserveCapacity(bytes.count)
    var position = bytes.startIndex
    while position < bytes.endIndex {
      let byte = bytes[position]
      if byte == UInt8(ascii: "%"), bytes.distance(from: position, to: bytes.endIndex) > 2,
        let high = hex(bytes[bytes.index(position, offsetBy: 1)]),
        let low = hex(bytes[bytes.index(position, offsetBy: 2)])
      {
        result.append(high << 4 | low)
        position = bytes.index(position, offsetBy: 3)
      } else {
        result.append(byte)
        position = bytes.index(after: position)
      }
    }
    return String(decoding: result, as: UTF8.self)
  }

  private static func hex(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    default: nil
    }
  }
}

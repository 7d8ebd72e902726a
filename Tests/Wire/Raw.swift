/// Writes protobuf bytes field by field, also wrong ones.
struct Raw {
  var bytes: [UInt8] = []

  static func + (a: Raw, b: Raw) -> Raw { Raw(bytes: a.bytes + b.bytes) }

  static func varint(_ value: UInt64) -> [UInt8] {
    var rest = value
    var out: [UInt8] = []
    while rest >= 0x80 {
      out.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    return out + [UInt8(rest)]
  }

  static func number(_ field: Int, _ value: UInt64) -> Raw { Raw(bytes: varint(UInt64(field) << 3) + varint(value)) }
  static func signed(_ field: Int, _ value: Int64) -> Raw { number(field, UInt64(bitPattern: value)) }
  static func zigzag(_ field: Int, _ value: Int64) -> Raw {
    number(field, UInt64(bitPattern: value << 1 ^ value >> 63))
  }
  static func double(_ field: Int, _ value: Double) -> Raw {
    var bits = value.bitPattern.littleEndian
    return Raw(bytes: varint(UInt64(field) << 3 | 1) + withUnsafeBytes(of: &bits) { Array($0) })
  }
  static func bytes(_ field: Int, _ value: [UInt8]) -> Raw {
    Raw(bytes: varint(UInt64(field) << 3 | 2) + varint(UInt64(value.count)) + value)
  }
  static func text(_ field: Int, _ value: String) -> Raw { bytes(field, Array(value.utf8)) }
  static func message(_ field: Int, _ value: Raw) -> Raw { bytes(field, value.bytes) }
  /// Timestamp and Duration look alike.
  static func time(_ field: Int, _ seconds: Int64, _ nanos: Int64 = 0) -> Raw {
    message(field, signed(1, seconds) + signed(2, nanos))
  }
}

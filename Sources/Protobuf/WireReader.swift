/// Reads the fields of one serialized protobuf message, without copying and without trusting it
/// (https://protobuf.dev/programming-guides/encoding). It keeps a place in the bytes, and is given the same bytes for each field.
public struct WireReader {
  /// What is wrong with bytes that are not a protobuf message.
  public enum Malformed: Error, Equatable {
    case truncated
    case varintTooLong
    case fieldNumber
    /// Groups are not part of proto3, and the wire types 6 and 7 do not exist.
    case wireType
  }

  /// The value of a field as it is on the wire; the ranges are offsets in the bytes read.
  public enum Value: Equatable {
    case varint(UInt64)
    case fixed64
    case fixed32
    case bytes(Range<Int>)
  }

  private var offset = 0

  /// Where the next field begins.
  public var place: Int { offset }

  public init() {}

  /// The next field, or nil at the end.
  public mutating func next(in bytes: Span<UInt8>) throws(Malformed) -> (number: Int, value: Value)? {
    if offset == bytes.count { return nil }
    let tag = try varint(in: bytes)
    guard tag >> 3 > 0, tag >> 3 <= 0x1FFF_FFFF else { throw .fieldNumber }
    let number = Int(tag >> 3)
    switch tag & 7 {
    case 0:
      return (number, .varint(try varint(in: bytes)))
    case 1:
      try skip(8, in: bytes)
      return (number, .fixed64)
    case 2:
      let length = try varint(in: bytes)
      guard length <= UInt64(bytes.count - offset) else { throw .truncated }
      let start = offset
      offset += Int(length)
      return (number, .bytes(start..<offset))
    case 5:
      try skip(4, in: bytes)
      return (number, .fixed32)
    default:
      throw .wireType
    }
  }

  private mutating func skip(_ count: Int, in bytes: Span<UInt8>) throws(Malformed) {
    guard bytes.count - offset >= count else { throw .truncated }
    offset += count
  }

  private mutating func varint(in bytes: Span<UInt8>) throws(Malformed) -> UInt64 {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while true {
      guard offset < bytes.count else { throw .truncated }
      let byte = bytes[offset]
      offset += 1
      value |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 { return value }
      shift += 7
      guard shift < 64 else { throw .varintTooLong }
    }
  }
}

extension WireReader {
  /// A string field's text, or nil if it is not UTF-8.
  public static func string(_ content: Span<UInt8>) -> String? {
    guard let text = try? UTF8Span(validating: content) else { return nil }
    return String(copying: text)
  }
}

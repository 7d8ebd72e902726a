/// Serializes one protobuf message field by field (https://protobuf.dev/programming-guides/encoding). For messages
/// that are not worth a C struct; proto3's rule that a zero scalar is left out is the caller's.
@frozen public struct WireWriter {
  @usableFromInline var written: [UInt8] = []

  /// The message so far.
  @inlinable public var bytes: [UInt8] { written }

  /// - Parameter room: bytes that will be written, about.
  @inlinable public init(room: Int = 0) {
    if room > 0 { written.reserveCapacity(room) }
  }

  /// Bytes of a field with `length` bytes in it, if its number is below 16.
  @inlinable public static func size(ofField length: Int) -> Int {
    var size = 2 + length
    var rest = length >> 7
    while rest > 0 {
      size += 1
      rest >>= 7
    }
    return size
  }

  /// Any integer, bool or enum; negative ones as their two's complement in 64 bits.
  public mutating func field(_ number: Int, _ value: UInt64) {
    varint(UInt64(number) << 3)
    varint(value)
  }

  public mutating func field(_ number: Int, _ value: String) {
    field(number, Array(value.utf8))
  }

  /// Bytes or an already serialized message.
  @inlinable public mutating func field(_ number: Int, _ value: some Collection<UInt8>) {
    beginField(number, length: value.count)
    written.append(contentsOf: value)
  }

  /// The head of a field of bytes whose `length` bytes the caller puts behind it.
  @inlinable public mutating func beginField(_ number: Int, length: Int) {
    varint(UInt64(number) << 3 | 2)
    varint(UInt64(length))
  }

  /// A submessage, which `body` writes.
  public mutating func message(_ number: Int, _ body: (inout WireWriter) -> Void) {
    var nested = WireWriter()
    body(&nested)
    field(number, nested.bytes)
  }

  @inlinable mutating func varint(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      written.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    written.append(UInt8(rest))
  }
}

/// Serializes one protobuf message field by field (https://protobuf.dev/programming-guides/encoding). For small messages
/// that are not worth a C struct; proto3's rule that a zero scalar is left out is the caller's.
public struct WireWriter {
  /// The message so far.
  public private(set) var bytes: [UInt8] = []

  public init() {}

  /// Any integer, bool or enum; negative ones as their two's complement in 64 bits.
  public mutating func field(_ number: Int, _ value: UInt64) {
    varint(UInt64(number) << 3)
    varint(value)
  }

  public mutating func field(_ number: Int, _ value: String) {
    field(number, Array(value.utf8))
  }

  /// Bytes or an already serialized message.
  public mutating func field(_ number: Int, _ value: some Collection<UInt8>) {
    beginField(number, length: value.count)
    bytes.append(contentsOf: value)
  }

  /// The head of a field of bytes whose `length` bytes the caller puts behind it.
  public mutating func beginField(_ number: Int, length: Int) {
    varint(UInt64(number) << 3 | 2)
    varint(UInt64(length))
  }

  /// A submessage, which `body` writes.
  public mutating func message(_ number: Int, _ body: (inout WireWriter) -> Void) {
    var nested = WireWriter()
    body(&nested)
    field(number, nested.bytes)
  }

  private mutating func varint(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }
}

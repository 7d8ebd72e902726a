/// Appends length-delimited protobuf fields with numbers below 16.
struct FieldWriter {
  private(set) var bytes: [UInt8] = []

  /// - Parameter room: bytes that will be written, about.
  init(room: Int) { bytes.reserveCapacity(room) }

  /// Bytes of a field with `length` bytes in it.
  static func size(_ length: Int) -> Int {
    var size = 2 + length
    var rest = length >> 7
    while rest > 0 {
      size += 1
      rest >>= 7
    }
    return size
  }

  /// Tag and length.
  mutating func begin(_ field: UInt8, _ length: Int) {
    bytes.append(field << 3 | 2)
    var rest = length
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }

  mutating func write(_ field: UInt8, _ content: UnsafeBufferPointer<UInt8>) {
    begin(field, content.count)
    unsafe bytes.append(contentsOf: content)
  }
}

extension Codec {
  /// The stored body of a job that did not come as a message, see `NewJobReading`.
  public static func body(
    payload: [UInt8], contentType: String, metadata: [(key: String, value: String)]
  ) -> [UInt8] {
    var writer = FieldWriter(room: payload.count + contentType.utf8.count + 16)
    if !payload.isEmpty { writer.write(5, payload) }
    if !contentType.isEmpty { writer.write(6, Array(contentType.utf8)) }
    for (key, value) in metadata {
      writer.begin(7, FieldWriter.size(key.utf8.count) + FieldWriter.size(value.utf8.count))
      writer.write(1, Array(key.utf8))
      writer.write(2, Array(value.utf8))
    }
    return writer.bytes
  }
}

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

  mutating func write(_ field: UInt8, _ content: [UInt8]) {
    begin(field, content.count)
    bytes.append(contentsOf: content)
  }

  mutating func write(_ field: UInt8, _ content: UnsafeBufferPointer<UInt8>) {
    begin(field, content.count)
    unsafe bytes.append(contentsOf: content)
  }
}

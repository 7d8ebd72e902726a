import Jobs

/// Bytes in the making: integers little-endian or in as few bytes as they need, texts and bytes with their length before them.
public struct RecordWriter: Sendable {
  public private(set) var bytes: [UInt8] = []

  public init() {}

  public mutating func reserve(_ count: Int) { bytes.reserveCapacity(count) }

  @inline(__always)
  public mutating func put<T: FixedWidthInteger & BitwiseCopyable>(_ value: T) {
    // A local's own bytes.
    unsafe withUnsafeBytes(of: value.littleEndian) { unsafe bytes.append(contentsOf: $0) }
  }

  public mutating func put(_ value: Double) { put(value.bitPattern) }
  public mutating func put(_ time: Timestamp) { put(time.microseconds) }

  /// LEB128.
  @inline(__always)
  public mutating func putVariable(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(truncatingIfNeeded: rest))
  }

  /// Zigzag, so that small negative numbers are short too.
  @inline(__always)
  public mutating func putSigned(_ value: Int64) { putVariable(UInt64(bitPattern: value << 1 ^ value >> 63)) }

  public mutating func put(_ text: String) {
    putVariable(UInt64(text.utf8.count))
    bytes.append(contentsOf: text.utf8)
  }

  public mutating func put(_ more: [UInt8]) {
    putVariable(UInt64(more.count))
    bytes.append(contentsOf: more)
  }

  /// Without their count.
  public mutating func append(_ more: some Sequence<UInt8>) { bytes.append(contentsOf: more) }
}

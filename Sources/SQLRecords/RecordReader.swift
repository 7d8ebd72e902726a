import Jobs

/// Reads what `RecordWriter` wrote. Reading past the end gives zeros and marks the reader: whoever decodes looks at `isGood` at the end.
public struct RecordReader {
  private let bytes: [UInt8]
  private var position = 0
  public private(set) var isGood = true

  public init(_ bytes: [UInt8]) { self.bytes = bytes }

  public var isAtEnd: Bool { position >= bytes.count }
  /// How many bytes were read.
  public var place: Int { position }

  @inline(__always)
  public mutating func take<T: FixedWidthInteger & BitwiseCopyable>(_: T.Type) -> T {
    let size = MemoryLayout<T>.size
    guard position + size <= bytes.count else {
      isGood = false
      position = bytes.count
      return 0
    }
    defer { position += size }
    // Within the bytes: checked above.
    return unsafe bytes.withUnsafeBytes {
      unsafe T(littleEndian: $0.loadUnaligned(fromByteOffset: position, as: T.self))
    }
  }

  public mutating func takeDouble() -> Double { Double(bitPattern: take(UInt64.self)) }
  public mutating func takeTimestamp() -> Timestamp { Timestamp(microseconds: take(Int64.self)) }

  public mutating func takeVariable() -> UInt64 {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while shift < 64 {
      let byte = take(UInt8.self)
      value |= UInt64(byte & 0x7F) << shift
      if byte & 0x80 == 0 { return value }
      shift += 7
    }
    isGood = false
    return 0
  }

  public mutating func takeSigned() -> Int64 {
    let value = takeVariable()
    return Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1)
  }

  private mutating func takeSlice() -> ArraySlice<UInt8> {
    let length = takeVariable()
    guard isGood, length <= UInt64(bytes.count - position) else {
      isGood = false
      position = bytes.count
      return []
    }
    defer { position += Int(length) }
    return bytes[position..<position + Int(length)]
  }

  public mutating func takeString() -> String { String(decoding: takeSlice(), as: UTF8.self) }
  public mutating func takeBytes() -> [UInt8] { [UInt8](takeSlice()) }

  /// As many bytes as are asked for, without a count before them.
  public mutating func take(_ count: Int) -> ArraySlice<UInt8> {
    guard count >= 0, count <= bytes.count - position else {
      isGood = false
      position = bytes.count
      return []
    }
    defer { position += count }
    return bytes[position..<position + count]
  }
}

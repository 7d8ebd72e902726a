/// Reads what `ByteWriter` wrote. Reading past the end gives zeros and marks the reader: whoever decodes checks `isGood` at the end,
/// so damaged bytes are found without a check at every step.
@safe struct ByteReader {
  private let bytes: UnsafeRawBufferPointer
  private var position = 0
  private(set) var isGood = true

  /// - Parameter bytes: outlive the reader.
  @unsafe init(_ bytes: UnsafeRawBufferPointer) { unsafe self.bytes = unsafe bytes }

  var isAtEnd: Bool { unsafe position >= bytes.count }

  mutating func markDamaged() { isGood = false }

  /// Whether the last four bytes are the checksum of all before them.
  var hasGoodChecksum: Bool {
    let size = unsafe bytes.count - MemoryLayout<UInt32>.size
    guard size >= 0 else { return false }
    // Within the bytes, by the line above.
    let sum = UInt32(littleEndian: unsafe bytes.loadUnaligned(fromByteOffset: size, as: UInt32.self))
    return unsafe Checksum.of(UnsafeRawBufferPointer(rebasing: bytes[..<size])) == sum
  }

  @inline(__always)
  mutating func take<T: FixedWidthInteger & BitwiseCopyable>(_: T.Type) -> T {
    guard unsafe position + MemoryLayout<T>.size <= bytes.count else {
      isGood = false
      return 0
    }
    defer { position += MemoryLayout<T>.size }
    // Checked above.
    return unsafe T(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: T.self))
  }

  mutating func takeDouble() -> Double { Double(bitPattern: take(UInt64.self)) }

  mutating func takeVariable() -> UInt64 {
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

  mutating func takeSigned() -> Int64 {
    let value = takeVariable()
    return Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1)
  }

  private mutating func takeLength() -> Int {
    let length = takeVariable()
    guard isGood, unsafe length <= UInt64(bytes.count - position) else {
      isGood = false
      return 0
    }
    return Int(length)
  }

  mutating func takeString() -> String {
    let length = takeLength()
    defer { position += length }
    // takeLength checked the range.
    return unsafe String(decoding: UnsafeRawBufferPointer(rebasing: bytes[position..<position + length]), as: UTF8.self)
  }

  /// The next string, unless it is `expected`, which costs no allocation.
  mutating func takeString(unless expected: String) -> String? {
    let length = takeLength()
    let start = position
    position += length
    // takeLength checked the range.
    let slice = unsafe UnsafeRawBufferPointer(rebasing: bytes[start..<start + length])
    if unsafe expected.utf8.count == length && expected.utf8.elementsEqual(slice) { return nil }
    return unsafe String(decoding: slice, as: UTF8.self)
  }

  mutating func takeBytes() -> [UInt8] {
    let length = takeLength()
    defer { position += length }
    // takeLength checked the range.
    return unsafe [UInt8](UnsafeRawBufferPointer(rebasing: bytes[position..<position + length]))
  }

  /// Reads what `putBlock` wrote; marks this reader when it is damaged.
  mutating func takeBlock<T>(_ body: (inout ByteReader) -> T) -> T {
    let length = Int(take(UInt32.self))
    let end = unsafe min(bytes.count, position + length)
    if end != position + length { isGood = false }
    // Within the bytes, by the two lines above.
    var block = unsafe ByteReader(UnsafeRawBufferPointer(rebasing: bytes[position..<end]))
    position = end
    let value = body(&block)
    isGood = isGood && block.isGood
    return value
  }
}

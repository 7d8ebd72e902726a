/// Bytes in the making, little-endian, in memory that is used again and again.
@safe struct ByteWriter: ~Copyable {
  /// At least `capacity` bytes; the first `count` are written.
  private(set) var base: UnsafeMutableRawPointer
  private(set) var count = 0
  private var capacity: Int

  init(capacity: Int = 512) {
    unsafe base = .allocate(byteCount: capacity, alignment: 8)
    self.capacity = capacity
  }

  deinit { unsafe base.deallocate() }

  /// Memory that one large tick or result took is given back.
  mutating func clear() {
    count = 0
    guard capacity > Self.maxKept else { return }
    unsafe base.deallocate()
    unsafe base = .allocate(byteCount: Self.maxKept, alignment: 8)
    capacity = Self.maxKept
  }

  private static var maxKept: Int { 1 << 20 }

  @inline(__always)
  private mutating func reserve(_ more: Int) {
    if count + more > capacity { grow(more) }
  }

  private mutating func grow(_ more: Int) {
    let size = max(capacity * 2, count + more)
    let larger = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 8)
    // Both hold `count` bytes.
    unsafe larger.copyMemory(from: base, byteCount: count)
    unsafe base.deallocate()
    unsafe base = larger
    capacity = size
  }

  @inline(__always)
  mutating func put<T: FixedWidthInteger & BitwiseCopyable>(_ value: T) {
    reserve(MemoryLayout<T>.size)
    // Room was made above.
    unsafe base.storeBytes(of: value.littleEndian, toByteOffset: count, as: T.self)
    count += MemoryLayout<T>.size
  }

  mutating func put(_ value: Double) { put(value.bitPattern) }

  /// LEB128.
  @inline(__always)
  mutating func putVariable(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      put(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    put(UInt8(truncatingIfNeeded: rest))
  }

  /// Zigzag, so that small negative numbers are short too.
  @inline(__always)
  mutating func putSigned(_ value: Int64) { putVariable(UInt64(bitPattern: value << 1 ^ value >> 63)) }

  mutating func put(_ text: String) {
    let length = text.utf8.count
    putVariable(UInt64(length))
    reserve(length)
    let place = count
    let isCopied: Void? = unsafe text.utf8.withContiguousStorageIfAvailable { bytes in
      guard let start = bytes.baseAddress else { return }
      // Room was made above.
      unsafe (base + place).copyMemory(from: start, byteCount: length)
    }
    count += length
    guard isCopied == nil else { return }
    // A text that is not in one piece: there is none on this system.
    for (index, byte) in text.utf8.enumerated() {
      unsafe base.storeBytes(of: byte, toByteOffset: place + index, as: UInt8.self)
    }
  }

  mutating func put(_ bytes: [UInt8]) {
    putVariable(UInt64(bytes.count))
    append(bytes)
  }

  /// Without their count.
  mutating func append(_ bytes: [UInt8]) {
    reserve(bytes.count)
    unsafe bytes.withUnsafeBytes { bytes in
      guard let start = bytes.baseAddress else { return }
      // Room was made above.
      unsafe (base + count).copyMemory(from: start, byteCount: bytes.count)
    }
    count += bytes.count
  }

  /// Appends a part of other bytes.
  mutating func append(_ bytes: [UInt8], from start: Int, count more: Int) {
    precondition(start >= 0 && more >= 0 && start + more <= bytes.count)
    reserve(more)
    unsafe bytes.withUnsafeBytes { bytes in
      guard more > 0, let from = bytes.baseAddress else { return }
      // Within the bytes, by the line at the top; room was made above.
      unsafe (base + count).copyMemory(from: from + start, byteCount: more)
    }
    count += more
  }

  /// Appends all that was written to `bytes`.
  func append(to bytes: inout [UInt8]) {
    // `count` bytes are written.
    unsafe bytes.append(contentsOf: UnsafeRawBufferPointer(start: base, count: count))
  }

  mutating func put(_ time: Int64?, else none: Int64) { put(time ?? none) }

  /// Of what was written since `count` was `start`.
  func checksum(from start: Int) -> UInt32 {
    // All written, by what `count` means.
    unsafe Checksum.of(UnsafeRawBufferPointer(start: base + start, count: count - start))
  }

  /// Puts another value in the place of four bytes that are written.
  mutating func patch(_ value: UInt32, at place: Int) {
    precondition(place >= 0 && place + MemoryLayout<UInt32>.size <= count)
    // Within what is written, by the line above.
    unsafe base.storeBytes(of: value.littleEndian, toByteOffset: place, as: UInt32.self)
  }

  /// What `body` writes, after its length: to be taken as a whole.
  mutating func putBlock(_ body: (inout ByteWriter) -> Void) {
    let place = count
    put(0 as UInt32)
    body(&self)
    patch(UInt32(count - place - MemoryLayout<UInt32>.size), at: place)
  }
}

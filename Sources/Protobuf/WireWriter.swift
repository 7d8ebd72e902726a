/// Serializes protobuf messages field by field (https://protobuf.dev/programming-guides/encoding), in memory that is used again and again:
/// those that are not worth a C struct, and those that are sent so often that one costs too much.
@frozen @safe public struct WireWriter: ~Copyable {
  /// At least `capacity` bytes; the first `written` are.
  @usableFromInline var base: UnsafeMutableRawPointer
  @usableFromInline var capacity: Int
  @usableFromInline var written = 0

  /// Bytes of the message so far.
  @inlinable public var count: Int { written }

  private static var maxKept: Int { 1 << 16 }

  /// - Parameter room: bytes that will be written, about.
  public init(room: Int = 0) {
    capacity = max(room, 128)
    unsafe base = .allocate(byteCount: capacity, alignment: 8)
  }

  deinit { unsafe base.deallocate() }

  /// The message so far.
  public var bytes: [UInt8] {
    // So many are.
    unsafe [UInt8](UnsafeRawBufferPointer(start: base, count: written))
  }

  /// Puts the message so far into bytes that have room for it.
  public func copy(to bytes: UnsafeMutableRawBufferPointer) {
    precondition(bytes.count >= written)
    // So many are, and there is room for them by the line above.
    unsafe bytes.copyMemory(from: UnsafeRawBufferPointer(start: base, count: written))
  }

  /// Begins another message. What a large one took is given back.
  public mutating func begin() {
    written = 0
    guard capacity > Self.maxKept else { return }
    unsafe base.deallocate()
    capacity = Self.maxKept
    unsafe base = .allocate(byteCount: capacity, alignment: 8)
  }

  // MARK: Fields

  /// Bytes of a field with `length` bytes in it, if its number is below 16.
  @inlinable public static func size(ofField length: Int) -> Int { 1 + size(ofVarint: UInt64(length)) + length }

  @inlinable static func size(ofVarint value: UInt64) -> Int { max(1, (70 - value.leadingZeroBitCount) / 7) }

  /// Any integer, bool or enum; negative ones as their two's complement in 64 bits.
  @inlinable public mutating func field(_ number: Int, _ value: UInt64) {
    varint(UInt64(number) << 3)
    varint(value)
  }

  /// The same, but left out when it is zero, as proto3 has it for what is not `optional`.
  @inlinable public mutating func scalar(_ number: Int, _ value: UInt64) {
    if value != 0 { field(number, value) }
  }

  @inlinable public mutating func field(_ number: Int, _ value: String) { field(number, value.utf8) }

  /// A text that is left out when it is empty, as proto3 has it.
  @inlinable public mutating func text(_ number: Int, _ value: String) {
    if !value.isEmpty { field(number, value.utf8) }
  }

  /// Bytes or an already serialized message.
  @inlinable public mutating func field(_ number: Int, _ value: some Collection<UInt8>) {
    beginField(number, length: value.count)
    append(value)
  }

  /// The head of a field of bytes whose `length` bytes the caller puts behind it.
  @inlinable public mutating func beginField(_ number: Int, length: Int) {
    varint(UInt64(number) << 3 | 2)
    varint(UInt64(length))
  }

  /// Whole fields, already serialized.
  @inlinable public mutating func fields(_ serialized: [UInt8]) { append(serialized) }

  /// A submessage, which `body` writes.
  @inlinable public mutating func message(_ number: Int, _ body: (inout WireWriter) -> Void) {
    varint(UInt64(number) << 3 | 2)
    // One byte for the length: enough for most. The message is moved when it turns out to need more.
    let place = written
    varint(0)
    body(&self)
    let start = place + 1
    let length = written - start
    let more = Self.size(ofVarint: UInt64(length)) - 1
    if more > 0 {
      reserve(more)
      // `length` bytes are written behind `start`; room for `more` of them was made above.
      unsafe (base + start + more).copyMemory(from: base + start, byteCount: length)
    }
    written = place
    varint(UInt64(length))
    written += length
  }

  // MARK: Bytes

  @inlinable mutating func append(_ bytes: some Collection<UInt8>) {
    let length = bytes.count
    reserve(length)
    let place = written
    written += length
    let isCopied: Void? = bytes.withContiguousStorageIfAvailable { bytes in
      guard let start = bytes.baseAddress else { return }
      // Room was made above.
      unsafe (base + place).copyMemory(from: start, byteCount: length)
    }
    guard isCopied == nil else { return }
    for (index, byte) in bytes.enumerated() {
      unsafe base.storeBytes(of: byte, toByteOffset: place + index, as: UInt8.self)
    }
  }

  @inlinable @inline(__always)
  mutating func varint(_ value: UInt64) {
    // No varint is longer.
    reserve(10)
    var rest = value
    while rest >= 0x80 {
      unsafe base.storeBytes(of: UInt8(truncatingIfNeeded: rest) | 0x80, toByteOffset: written, as: UInt8.self)
      written += 1
      rest >>= 7
    }
    unsafe base.storeBytes(of: UInt8(truncatingIfNeeded: rest), toByteOffset: written, as: UInt8.self)
    written += 1
  }

  @inlinable @inline(__always)
  mutating func reserve(_ more: Int) {
    if written + more > capacity { grow(more) }
  }

  @usableFromInline mutating func grow(_ more: Int) {
    let size = max(capacity * 2, written + more)
    let larger = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 8)
    // Both hold `written` bytes.
    unsafe larger.copyMemory(from: base, byteCount: written)
    unsafe base.deallocate()
    unsafe base = larger
    capacity = size
  }
}

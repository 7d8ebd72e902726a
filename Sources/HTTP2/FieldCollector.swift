/// The fields of the one header block that is arriving, in memory that all sessions of a loop use in turn. What a field looks like is said
/// at `HTTP2HeaderFields`.
@safe struct FieldCollector: ~Copyable {
  private static let ordinary = 4096

  // `capacity` bytes, owned; the first `count` are written.
  private var memory: UnsafeMutableRawPointer
  private var capacity = FieldCollector.ordinary
  private(set) var count = 0

  init() { unsafe memory = .allocate(byteCount: capacity, alignment: 16) }

  deinit { unsafe memory.deallocate() }

  /// What was collected; good until the next change.
  var bytes: UnsafeRawBufferPointer { unsafe UnsafeRawBufferPointer(start: memory, count: count) }

  mutating func clear() { count = 0 }

  mutating func append(name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) {
    let length = HTTP2HeaderFields.prefixLength + name.count + value.count
    if capacity - count < length { grow(by: length) }
    // There are `length` bytes from `place` on, the sum of what is stored.
    var place = unsafe memory + count
    unsafe place.storeBytes(of: UInt16(truncatingIfNeeded: name.count), as: UInt16.self)
    unsafe place.storeBytes(of: UInt32(truncatingIfNeeded: value.count), toByteOffset: 2, as: UInt32.self)
    unsafe place += HTTP2HeaderFields.prefixLength
    if let bytes = name.baseAddress { unsafe place.copyMemory(from: bytes, byteCount: name.count) }
    unsafe place += name.count
    if let bytes = value.baseAddress { unsafe place.copyMemory(from: bytes, byteCount: value.count) }
    count += length
  }

  /// Fields that were collected before.
  mutating func append(_ fields: UnsafeRawBufferPointer) {
    if capacity - count < fields.count { grow(by: fields.count) }
    // There is room for all of them.
    if let bytes = fields.baseAddress { unsafe (memory + count).copyMemory(from: bytes, byteCount: fields.count) }
    count += fields.count
  }

  private mutating func grow(by length: Int) {
    capacity = max(2 * capacity, count + length)
    // What is written moves to the new memory; then the old one is let go.
    let new = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 16)
    unsafe new.copyMemory(from: memory, byteCount: count)
    unsafe memory.deallocate()
    unsafe memory = new
  }
}

import NIOCore

/// The header block that is arriving. It grows in the shared arena; between two `receive` calls its bytes wait here.
struct BlockBuilder {
  private(set) var isOpen = false
  /// -1: the fields belong to no known stream and are dropped.
  private(set) var slot: Int32 = -1
  private(set) var tooLarge = false
  /// Name + value + 32 per field, also of those that are not stored.
  private(set) var size = 0
  private var count = 0
  private var start = 0
  private var saved = ByteBuffer()

  mutating func begin(slot: Int32, arena: ByteBuffer) {
    isOpen = true
    self.slot = slot
    tooLarge = false
    size = 0
    count = 0
    start = arena.writerIndex
  }

  mutating func add(
    name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer, arena: inout ByteBuffer, maxSize: Int, maxFields: Int
  ) {
    size += name.count + value.count + 32
    count += 1
    if size > maxSize || count > maxFields { tooLarge = true }
    if tooLarge || slot < 0 { return }
    let length = HTTP2HeaderFields.prefixLength + name.count + value.count
    unsafe arena.writeWithUnsafeMutableBytes(minimumWritableBytes: length) { target in
      // `target` holds at least `length` bytes, the sum of what is stored below.
      unsafe target.storeBytes(of: UInt16(truncatingIfNeeded: name.count), as: UInt16.self)
      unsafe target.storeBytes(of: UInt32(truncatingIfNeeded: value.count), toByteOffset: 2, as: UInt32.self)
      unsafe UnsafeMutableRawBufferPointer(rebasing: target[HTTP2HeaderFields.prefixLength...]).copyMemory(from: name)
      unsafe UnsafeMutableRawBufferPointer(rebasing: target[(HTTP2HeaderFields.prefixLength + name.count)...])
        .copyMemory(from: value)
      return length
    }
  }

  mutating func end(arena: ByteBuffer) -> HTTP2HeaderBlock {
    isOpen = false
    slot = -1
    return HTTP2HeaderBlock(offset: Int32(start), length: Int32(arena.writerIndex - start), tooLarge: tooLarge)
  }

  mutating func drop() {
    isOpen = false
    slot = -1
  }

  /// The arena is about to be used by others.
  mutating func save(from arena: ByteBuffer) {
    guard isOpen, arena.writerIndex > start else { return }
    saved = ByteBuffer()
    if let bytes = arena.viewBytes(at: start, length: arena.writerIndex - start) { saved.writeBytes(bytes) }
  }

  mutating func restore(to arena: inout ByteBuffer) {
    guard isOpen else { return }
    start = arena.writerIndex
    arena.writeBuffer(&saved)
    saved = ByteBuffer()
  }
}

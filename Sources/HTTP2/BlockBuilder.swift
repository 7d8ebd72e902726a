import NIOCore

/// The header block that is arriving. It grows in the shared collector; between two `receive` calls its bytes wait here.
struct BlockBuilder {
  private(set) var isOpen = false
  /// -1: the fields belong to no known stream and are dropped.
  private(set) var slot: Int32 = -1
  private(set) var tooLarge = false
  /// Name + value + 32 per field, also of those that are not stored.
  private(set) var size = 0
  private var count = 0
  private var saved = ByteBuffer()

  mutating func begin(slot: Int32, _ fields: inout FieldCollector) {
    isOpen = true
    self.slot = slot
    tooLarge = false
    size = 0
    count = 0
    fields.clear()
  }

  mutating func add(
    name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer, _ fields: inout FieldCollector, maxSize: Int,
    maxFields: Int
  ) {
    size += name.count + value.count + 32
    count += 1
    if size > maxSize || count > maxFields { tooLarge = true }
    if tooLarge || slot < 0 { return }
    unsafe fields.append(name: name, value: value)
  }

  /// The block is complete: it goes to the arena.
  mutating func end(_ fields: borrowing FieldCollector, arena: inout ByteBuffer) -> HTTP2HeaderBlock {
    isOpen = false
    slot = -1
    let start = arena.writerIndex
    // Copied at once.
    unsafe arena.writeBytes(fields.bytes)
    return HTTP2HeaderBlock(offset: Int32(start), length: Int32(fields.count), tooLarge: tooLarge)
  }

  mutating func drop() {
    isOpen = false
    slot = -1
  }

  /// The collector is about to be used by others.
  mutating func save(_ fields: borrowing FieldCollector) {
    guard isOpen, fields.count > 0 else { return }
    saved = ByteBuffer()
    // Copied at once.
    unsafe saved.writeBytes(fields.bytes)
  }

  mutating func restore(_ fields: inout FieldCollector) {
    guard isOpen else { return }
    fields.clear()
    unsafe saved.withUnsafeReadableBytes { unsafe fields.append($0) }
    saved = ByteBuffer()
  }
}

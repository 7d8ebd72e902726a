import CProtobufC

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// The memory of one message being decoded or encoded: a bump allocator that protobuf-c allocates from, freed all at once.
///
/// Every block is preceded by its size. protobuf-c allocates each decoded string as its length and one byte, so the size tells
/// a string's true length: a `char *` alone would hide what follows an embedded NUL.
///
/// Its pointers are good until `reset`; they stay inside this module.
@safe final class Arena {
  /// What the C callback needs, at a fixed address.
  @unsafe struct State {
    var next: UnsafeMutableRawPointer
    var end: UnsafeMutableRawPointer
    /// Blocks beyond the first chunk, to be freed.
    var extra: [UnsafeMutableRawPointer]
    var bytesLeft = Int.max
    var exhausted = false
  }

  private static let chunkSize = 64 << 10
  private static let headerSize = 8

  private let chunk: UnsafeMutableRawPointer
  private let state: UnsafeMutablePointer<State>
  /// For protobuf-c's unpack functions.
  let allocator: UnsafeMutablePointer<ProtobufCAllocator>
  /// What protobuf-c points to in place of a string that is not there.
  let emptyString: UnsafeMutablePointer<CChar>

  init() {
    // All three are owned by this object and freed in deinit; the callbacks are given `state`, which lives as long.
    unsafe chunk = .allocate(byteCount: Arena.chunkSize, alignment: 16)
    unsafe state = .allocate(capacity: 1)
    unsafe state.initialize(to: State(next: chunk, end: chunk + Arena.chunkSize, extra: []))
    unsafe allocator = .allocate(capacity: 1)
    unsafe allocator.initialize(
      to: ProtobufCAllocator(
        alloc: { data, size in
          unsafe data.flatMap {
            unsafe Arena.allocate($0.assumingMemoryBound(to: State.self), size)
          }
        },
        free: { _, _ in },
        allocator_data: UnsafeMutableRawPointer(state)))
    // A constant of the protobuf-c library, of unknown size to Swift: seen through a message that points to it.
    unsafe emptyString = protobufEmptyString()
  }

  deinit {
    reset()
    unsafe allocator.deallocate()
    unsafe state.deinitialize(count: 1)
    unsafe state.deallocate()
    unsafe chunk.deallocate()
  }

  /// Forgets everything. From now on at most `limit` bytes are given out to protobuf-c.
  func reset(limit: Int = .max) {
    // The extra blocks came from malloc in `allocate`, each is in the list once.
    if unsafe !state.pointee.extra.isEmpty {
      unsafe state.pointee.extra.forEach { unsafe free($0) }
      unsafe state.pointee.extra.removeAll(keepingCapacity: true)
    }
    unsafe state.pointee.next = chunk
    unsafe state.pointee.end = chunk + Arena.chunkSize
    unsafe state.pointee.bytesLeft = limit
    unsafe state.pointee.exhausted = false
  }

  /// Whether the last unpack failed for want of memory.
  var isExhausted: Bool { unsafe state.pointee.exhausted }

  /// The size that a block of this arena was allocated with.
  func size(of block: UnsafeMutableRawPointer) -> Int {
    // `allocate` put it there.
    unsafe (block - Arena.headerSize).load(as: Int.self)
  }

  private static func allocate(_ state: UnsafeMutablePointer<State>, _ size: Int)
    -> UnsafeMutableRawPointer?
  {
    // Rounded up so that every block is aligned for pointers and doubles, which is all that messages hold.
    let needed = (size + headerSize + 7) & ~7
    guard size >= 0, unsafe needed <= state.pointee.bytesLeft else {
      unsafe state.pointee.exhausted = true
      return nil
    }
    unsafe state.pointee.bytesLeft -= needed
    if unsafe needed > state.pointee.end - state.pointee.next {
      let isLarge = needed > chunkSize / 4
      guard let block = unsafe malloc(isLarge ? needed : chunkSize) else {
        unsafe state.pointee.exhausted = true
        return nil
      }
      unsafe state.pointee.extra.append(block)
      if isLarge {
        unsafe block.storeBytes(of: size, as: Int.self)
        return unsafe block + headerSize
      }
      unsafe state.pointee.next = block
      unsafe state.pointee.end = block + chunkSize
    }
    let block = unsafe state.pointee.next
    unsafe state.pointee.next = block + needed
    unsafe block.storeBytes(of: size, as: Int.self)
    return unsafe block + headerSize
  }

  /// Uninitialized memory.
  func allocate(_ size: Int) -> UnsafeMutableRawPointer {
    guard let block = unsafe Arena.allocate(state, size) else { fatalError("out of memory") }
    return unsafe block
  }

  /// `count` messages, each made by `element`.
  func array<View: ProtoView>(_ count: Int, _ element: (Int) -> View) -> MessageList<View> {
    let start = unsafe places(count) { unsafe element($0).raw as UnsafeMutableRawPointer? }
    return unsafe MessageList(start, count)
  }

  func texts(_ count: Int, _ element: (Int) -> TextView) -> TextList {
    unsafe TextList(places(count) { unsafe element($0).pointer }, count)
  }

  func values<Value>(_ count: Int, _ element: (Int) -> Value) -> ValueList<Value> {
    unsafe ValueList(places(count, element), count)
  }

  private func places<Element>(_ count: Int, _ element: (Int) -> Element) -> UnsafeMutablePointer<Element> {
    // Every place is filled before anyone reads it.
    let array = unsafe allocate(count * MemoryLayout<Element>.stride).assumingMemoryBound(to: Element.self)
    for index in 0..<count { unsafe (array + index).initialize(to: element(index)) }
    return unsafe array
  }

  /// A NUL-terminated copy. A NUL inside cuts it short: no text that came through `Codec` has one.
  func copy(_ text: String) -> TextView {
    if text.isEmpty { return unsafe TextView(emptyString) }
    return copyChosen(text)
  }

  /// The same for a field that is one of several (`oneof`): protobuf-c takes its own empty string there for one that was not chosen.
  func copyChosen(_ text: String) -> TextView {
    var text = text
    return text.withUTF8 { utf8 in
      // One byte more than is copied, for the NUL.
      let block = unsafe allocate(utf8.count + 1)
      if let start = utf8.baseAddress { unsafe block.copyMemory(from: start, byteCount: utf8.count) }
      unsafe (block + utf8.count).storeBytes(of: 0, as: UInt8.self)
      return unsafe TextView(block.assumingMemoryBound(to: CChar.self))
    }
  }

  func copy(_ bytes: [UInt8]) -> BytesView {
    if bytes.isEmpty { return unsafe BytesView(ProtobufCBinaryData(len: 0, data: nil)) }
    let block = unsafe allocate(bytes.count)
    unsafe bytes.withUnsafeBytes {
      // Not empty, so it has an address.
      if let start = $0.baseAddress { unsafe block.copyMemory(from: start, byteCount: $0.count) }
    }
    return unsafe BytesView(ProtobufCBinaryData(len: bytes.count, data: block.assumingMemoryBound(to: UInt8.self)))
  }
}

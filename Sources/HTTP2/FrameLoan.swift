import CNghttp2

/// The memory of all server sessions of a loop, one frame buffer among it. libnghttp2 gives each session 16 KiB to put the frame together that
/// it is about to send; it is in use only while it sends, so that idle connections need not have one each. The exception is the header of a
/// DATA frame that could not be sent yet: its session keeps those few bytes, see `HTTP2Session.produce`.
@safe final class FrameLoan {
  /// Bytes at the start of the buffer in which such a header lies.
  static let headerLength = 16
  private static let capacity = 17 * 1024

  @safe struct State {
    var buffer: UnsafeMutableRawPointer
    /// A session is being made and has not got the buffer.
    var isOffered = false
    /// For everything else.
    var pool = BlockPool()
  }

  // Allocated in `init` and freed in `deinit`; every session keeps the scratch, and so this object, until after its own end.
  private let state: UnsafeMutablePointer<State>

  init() {
    unsafe state = .allocate(capacity: 1)
    unsafe state.initialize(to: State(buffer: .allocate(byteCount: Self.capacity, alignment: 16)))
  }

  deinit {
    unsafe state.pointee.pool.drain()
    unsafe state.pointee.buffer.deallocate()
    unsafe state.deallocate()
  }

  /// Whether this libnghttp2 is one whose frame buffer was seen to be shared without harm; any other session has its own (Docs/decisions/152).
  private static let isTried = unsafe (nghttp2_version(0)?.pointee.version_num ?? 0) >> 8 == 0x0134

  /// Has `make` called with an allocator that lends the buffer to the one session made in it.
  func lend<R>(_ make: (UnsafeMutablePointer<nghttp2_mem>) -> R) -> R {
    unsafe state.pointee.isOffered = Self.isTried
    defer { unsafe state.pointee.isOffered = false }
    // The session copies the allocator; `user` is the state, which outlives it. Sizes and pointers are libnghttp2's own.
    var allocator = unsafe nghttp2_mem(
      mem_user_data: UnsafeMutableRawPointer(state),
      malloc: { size, user in unsafe FrameLoan.allocate(size, user) },
      free: { pointer, user in
        guard let pointer = unsafe pointer, let state = unsafe FrameLoan.state(user) else { return }
        if unsafe state.pointee.buffer != pointer { unsafe state.pointee.pool.free(pointer) }
      },
      calloc: { count, size, user in
        let (bytes, isTooMuch) = count.multipliedReportingOverflow(by: size)
        guard !isTooMuch, let block = unsafe FrameLoan.allocate(bytes, user) else { return nil }
        unsafe block.initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
        return unsafe block
      },
      realloc: { pointer, size, user in
        guard let old = unsafe pointer, let state = unsafe FrameLoan.state(user) else {
          return unsafe FrameLoan.allocate(size, user)
        }
        guard let new = unsafe state.pointee.pool.allocate(size) else { return nil }
        let isLent = unsafe state.pointee.buffer == old
        let held = isLent ? FrameLoan.capacity : unsafe state.pointee.pool.capacity(of: old)
        unsafe new.copyMemory(from: old, byteCount: min(size, held))
        if !isLent { unsafe state.pointee.pool.free(old) }
        return unsafe new
      })
    return unsafe make(&allocator)
  }

  func saveHeader() -> [UInt8] {
    unsafe Array(UnsafeRawBufferPointer(start: state.pointee.buffer, count: Self.headerLength))
  }

  func restoreHeader(_ bytes: [UInt8]) {
    unsafe state.pointee.buffer.copyMemory(from: bytes, byteCount: min(bytes.count, Self.headerLength))
  }

  /// libnghttp2 allocates only its frame buffer in one piece of this size; a version that does not gets ordinary memory.
  private static func allocate(_ size: Int, _ user: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let state = unsafe state(user) else { return nil }
    guard unsafe state.pointee.isOffered, size > 16 * 1024, size <= capacity else {
      return unsafe state.pointee.pool.allocate(size)
    }
    unsafe state.pointee.isOffered = false
    return unsafe state.pointee.buffer
  }

  /// What `lend` gave as the allocator's own.
  private static func state(_ user: UnsafeMutableRawPointer?) -> UnsafeMutablePointer<State>? {
    unsafe user?.assumingMemoryBound(to: State.self)
  }
}

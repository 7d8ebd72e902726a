import CNghttp2

/// One frame buffer for all server sessions of a loop. libnghttp2 gives each session 16 KiB to put the frame together that it is about to send; it is
/// in use only while it sends, so that idle connections need not have one each. The exception is the header of a DATA frame that could not be
/// sent yet: its session keeps those few bytes, see `HTTP2Session.produce`.
@safe final class FrameLoan {
  /// Bytes at the start of the buffer in which such a header lies.
  static let headerLength = 16
  private static let capacity = 17 * 1024

  @safe struct State {
    var buffer: UnsafeMutableRawPointer
    /// A session is being made and has not got the buffer.
    var isOffered = false
  }

  // Allocated in `init` and freed in `deinit`; every session keeps the scratch, and so this object, until after its own end.
  private let state: UnsafeMutablePointer<State>

  init() {
    unsafe state = .allocate(capacity: 1)
    unsafe state.initialize(to: State(buffer: .allocate(byteCount: Self.capacity, alignment: 16)))
  }

  deinit {
    unsafe state.pointee.buffer.deallocate()
    unsafe state.deallocate()
  }

  /// Has `make` called with an allocator that lends the buffer to the one session made in it.
  func lend<R>(_ make: (UnsafeMutablePointer<nghttp2_mem>) -> R) -> R {
    unsafe state.pointee.isOffered = true
    defer { unsafe state.pointee.isOffered = false }
    // The session copies the allocator; `user` is the state, which outlives it. Sizes and pointers are libnghttp2's own.
    var allocator = unsafe nghttp2_mem(
      mem_user_data: UnsafeMutableRawPointer(state),
      malloc: { size, user in
        unsafe FrameLoan.borrow(size, user) ?? malloc(size)
      },
      free: { pointer, user in
        if let pointer = unsafe pointer, unsafe FrameLoan.isLent(pointer, user) { return }
        unsafe free(pointer)
      },
      calloc: { count, size, _ in unsafe calloc(count, size) },
      realloc: { pointer, size, user in
        guard let old = unsafe pointer else { return unsafe FrameLoan.borrow(size, user) ?? malloc(size) }
        guard unsafe FrameLoan.isLent(old, user) else { return unsafe realloc(old, size) }
        guard let new = unsafe malloc(size) else { return nil }
        unsafe new.copyMemory(from: old, byteCount: min(size, FrameLoan.capacity))
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
  private static func borrow(_ size: Int, _ user: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard size > 16 * 1024, size <= capacity, let state = unsafe user?.assumingMemoryBound(to: State.self),
      unsafe state.pointee.isOffered
    else { return nil }
    unsafe state.pointee.isOffered = false
    return unsafe state.pointee.buffer
  }

  private static func isLent(_ pointer: UnsafeMutableRawPointer, _ user: UnsafeMutableRawPointer?) -> Bool {
    guard let state = unsafe user?.assumingMemoryBound(to: State.self) else { return false }
    return unsafe state.pointee.buffer == pointer
  }
}

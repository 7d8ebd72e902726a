import CAsyncIO
import Glibc

/// Writes to a file, and syncs what it wrote, while nobody waits for it: the kernel's asynchronous I/O (io_submit(2), with `RWF_DSYNC`)
/// past the page cache (`O_DIRECT`). One piece at a time.
///
/// It is asked with `RWF_NOWAIT`: where the kernel would have to wait for anything before the disk has the piece (a file system that cannot do it, a
/// full queue), it refuses instead.
@safe final class DirectWriter {
  enum Outcome {
    case underWay
    case written
    /// Nothing is for certain of what was to be written.
    case failed
  }

  private let context: aio_context_t
  /// In seconds.
  private let clock: () -> Double
  /// What is written lies here until it is: on a boundary of pages, as direct writes want it.
  private let memory: UnsafeMutableRawPointer
  private var count = 0
  private var began = 0.0
  /// Not asked before this time: it refused or was slow.
  private var restsUntil = 0.0
  private var isUnderWay = false
  /// For tests: a disk that was slow is asked again at once.
  var isTireless = false

  /// The largest piece, in bytes.
  static let most = 1 << 16
  /// Pages of the page cache.
  static let page = 4_096
  /// A disk that takes so long, in seconds, is left to a thread that may wait, for as long as `rest`.
  private static let slow = 0.02
  private static let rest = 1.0

  /// - Parameter clock: a test's; else the monotonic one.
  /// - Returns: nil: the system has none of it to give.
  init?(clock: @escaping () -> Double = monotonicSeconds) {
    var context = aio_context_t()
    // One request at a time.
    guard unsafe async_io_setup(1, &context) == 0 else { return nil }
    self.context = context
    self.clock = clock
    unsafe memory = .allocate(byteCount: Self.most, alignment: Self.page)
  }

  deinit {
    // First: it waits until the kernel no longer reads the memory.
    async_io_destroy(context)
    unsafe memory.deallocate()
  }

  /// Of what size and on what boundaries pieces have to be on this file, which is written to: its first bytes become zeros.
  /// nil: it takes no direct writes.
  func block(of descriptor: Int32) -> Int64? {
    for block in [512, Self.page] {
      unsafe memory.initializeMemory(as: UInt8.self, repeating: 0, count: block)
      // Memory of `most` bytes.
      if unsafe pwrite(descriptor, memory, block, 0) == block { return Int64(block) }
    }
    return nil
  }

  /// It may be asked now.
  var isReady: Bool { !isUnderWay && (isTireless || clock() >= restsUntil) }

  /// Begins to write bytes, filled up with zeros to whole blocks.
  /// - Parameter notice: made by `async_io_notice`, told when it is done.
  /// - Returns: false: not now, nothing was begun.
  func begin(
    _ bytes: borrowing ByteWriter, to descriptor: Int32, at place: Int64, block: Int64, notice: Int32
  ) -> Bool {
    let size = Int((Int64(bytes.count) + block - 1) / block * block)
    guard !isUnderWay, size <= Self.most else { return false }
    let now = clock()
    // Both within `size`, which is within the memory.
    unsafe memory.copyMemory(from: bytes.base, byteCount: bytes.count)
    unsafe (memory + bytes.count).initializeMemory(as: UInt8.self, repeating: 0, count: size - bytes.count)
    guard unsafe async_io_write_synced(context, descriptor, memory, size, place, notice) == 0 else {
      restsUntil = now + Self.rest
      return false
    }
    count = size
    began = now
    isUnderWay = true
    return true
  }

  /// How what was begun stands.
  /// - Parameter waits: until it is done.
  func finish(waits: Bool) -> Outcome {
    guard isUnderWay else { return .failed }
    var written: Int64 = 0
    let found = unsafe async_io_outcome(context, waits ? 1 : 0, &written)
    if found == 0 { return .underWay }
    isUnderWay = false
    let now = clock()
    let isDone = found == 1 && written == Int64(count)
    if !isDone || now > began + Self.slow { restsUntil = now + Self.rest }
    return isDone ? .written : .failed
  }
}

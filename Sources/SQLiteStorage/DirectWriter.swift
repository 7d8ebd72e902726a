import CAsyncIO
import Glibc

/// Writes to a file, and syncs what it wrote, while nobody waits for it: the kernel's asynchronous I/O (io_submit(2), with `RWF_DSYNC`)
/// past the page cache (`O_DIRECT`). One piece at a time.
///
/// It is asked with `RWF_NOWAIT`: where the kernel would have to wait for anything before the disk has the piece (a file system that cannot do it, a
/// full queue), it refuses instead.
@safe final class DirectWriter {
  enum Start {
    case begun
    /// There is no room for it, or it is too large.
    case unfit
    /// By the kernel. Nothing was begun.
    case refused
  }

  enum Outcome {
    case underWay
    case written
    /// Nothing is for certain of what was to be written.
    case failed
  }

  private let context: aio_context_t
  /// What is written lies here until it is: on a boundary of pages, as direct writes want it.
  private let memory: UnsafeMutableRawPointer
  private var count = 0
  private(set) var isUnderWay = false

  /// The largest piece, in bytes.
  static let most = 1 << 16
  /// Pages of the page cache.
  static let page = 4_096

  /// - Returns: nil: the system has none of it to give.
  init?() {
    var context = aio_context_t()
    // One request at a time.
    guard unsafe async_io_setup(1, &context) == 0 else { return nil }
    self.context = context
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

  /// Begins to write bytes, filled up with zeros to whole blocks.
  /// - Parameter notice: made by `async_io_notice`, told when it is done.
  func begin(
    _ bytes: borrowing ByteWriter, to descriptor: Int32, at place: Int64, block: Int64, notice: Int32
  ) -> Start {
    let size = Int((Int64(bytes.count) + block - 1) / block * block)
    guard !isUnderWay, size <= Self.most else { return .unfit }
    // Both within `size`, which is within the memory.
    unsafe memory.copyMemory(from: bytes.base, byteCount: bytes.count)
    unsafe (memory + bytes.count).initializeMemory(as: UInt8.self, repeating: 0, count: size - bytes.count)
    guard unsafe async_io_write_synced(context, descriptor, memory, size, place, notice) == 0 else { return .refused }
    count = size
    isUnderWay = true
    return .begun
  }

  /// How what was begun stands.
  /// - Parameter waits: until it is done.
  func finish(waits: Bool) -> Outcome {
    guard isUnderWay else { return .failed }
    var written: Int64 = 0
    let found = unsafe async_io_outcome(context, waits ? 1 : 0, &written)
    if found == 0 { return .underWay }
    isUnderWay = false
    return found == 1 && written == Int64(count) ? .written : .failed
  }
}

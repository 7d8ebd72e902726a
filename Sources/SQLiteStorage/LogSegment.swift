import CAsyncIO
import Glibc
import Jobs

/// One file of the log: laid out in full when it is made, then written over again and again, so that a sync has no more to write than
/// what is new.
final class LogSegment {
  let path: String
  private var descriptor: Int32
  /// The same file past the page cache; below zero: there is no such way.
  private var direct: Int32 = -1
  /// Of what size and on what boundaries direct writes are.
  private var block: Int64 = 0
  /// What was written last went past the page cache.
  private var endsDirect = false
  private var hasFailed = false
  /// Where the next record goes.
  private(set) var end: Int64 = 0
  /// The newest record in it.
  var last: UInt64 = 0

  static let size: Int64 = 16 << 20

  /// - Parameters:
  ///   - size: what the file has at least.
  ///   - writer: to be used for it, if the file lets it.
  init(path: String, size: Int64, _ writer: DirectWriter?) throws(StoreError) {
    self.path = path
    descriptor = unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw StoreDirectory.error("cannot open \(path)") }
    try lay(upTo: size)
    guard let writer else { return }
    direct = unsafe async_io_open_direct(path)
    guard direct >= 0 else { return }
    dropCached()
    block = writer.block(of: direct) ?? 0
  }

  deinit {
    if descriptor >= 0 { close(descriptor) }
    if direct >= 0 { close(direct) }
  }

  /// Written, not only reserved: else each sync would also have to note which blocks hold something.
  private func lay(upTo size: Int64) throws(StoreError) {
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0 else { throw StoreDirectory.error("cannot read \(path)") }
    var place = Int64(status.st_size)
    guard place < size else { return }
    let zeros = [UInt8](repeating: 0, count: 1 << 20)
    while place < size {
      try write(zeros[..<min(zeros.count, Int(size - place))], at: place)
      place += Int64(min(zeros.count, Int(size - place)))
    }
    try sync()
  }

  /// What is in it is no longer needed. When it had to grow beyond measure it shrinks.
  func restart(size: Int64) {
    if end > 4 * size { ftruncate(descriptor, Int(size)) }
    end = 0
    dropCached()
  }

  /// What has gone through the page cache stands in the way of direct writes to the same pages.
  private func dropCached() {
    if direct >= 0 { posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED) }
  }

  /// To be called before a record is written in the ordinary way.
  func prepare() {
    if hasFailed { takeBack(from: end) }
    hasFailed = false
    if endsDirect { end = place(after: end, Int64(DirectWriter.page)) }
    endsDirect = false
  }

  private func place(after end: Int64, _ unit: Int64) -> Int64 { (end + unit - 1) / unit * unit }

  /// Begins to write and to sync a record past the page cache, in the file's first `size` bytes. Once that has gone well, `noteWritten`.
  func begin(
    _ bytes: borrowing ByteWriter, _ writer: DirectWriter, size: Int64, notice: Int32
  ) -> DirectWriter.Start {
    // In whole blocks: what was written, and is relied on, is not written again. And where the two ways of writing meet, in pages of their own: the one
    // would have to read such a page, the other to wait for it.
    guard block > 0 else { return .unfit }
    let start = place(after: end, endsDirect ? block : Int64(DirectWriter.page))
    guard start + Int64(bytes.count) + block <= size else { return .unfit }
    let started = writer.begin(bytes, to: direct, at: start, block: block, notice: notice)
    if started == .begun {
      end = start
      endsDirect = true
    }
    return started
  }

  /// What was begun has failed, but may yet be found where it was to be.
  func noteFailed() { hasFailed = true }

  func noteWritten(_ count: Int, number: UInt64) {
    end += Int64(count)
    last = number
  }

  func append(_ bytes: borrowing ByteWriter) throws(StoreError) {
    // All of it is written.
    let slice = unsafe UnsafeRawBufferPointer(start: bytes.base, count: bytes.count)
    try unsafe write(slice, at: end)
    end += Int64(bytes.count)
  }

  /// What was written last is no record: a failed one is not to be found after a crash if that can be helped.
  func takeBack(from place: Int64) {
    end = place
    try? write([UInt8](repeating: 0, count: LogRecord.headerSize)[...], at: place)
  }

  private func write(_ bytes: ArraySlice<UInt8>, at place: Int64) throws(StoreError) {
    var failure: StoreError?
    unsafe bytes.withUnsafeBytes { bytes in
      do throws(StoreError) { try unsafe write(bytes, at: place) } catch { failure = error }
    }
    if let failure { throw failure }
  }

  @unsafe private func write(_ bytes: UnsafeRawBufferPointer, at place: Int64) throws(StoreError) {
    var done = 0
    while done < bytes.count {
      // What is left of the bytes.
      let count = unsafe pwrite(descriptor, bytes.baseAddress! + done, bytes.count - done, Int(place) + done)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw StoreDirectory.error("cannot write \(path)") }
      done += count
    }
  }

  func sync() throws(StoreError) {
    guard fdatasync(descriptor) == 0 else { throw StoreDirectory.error("cannot sync \(path)") }
  }
}

/// Where a record lies and what it says of itself.
///
///     u32 checksum of all after it, u32 size of what follows the header, u64 number, u64 number of the newest record that was synced when
///     it was written, u64 life, then the batch; filled up to a multiple of 8
struct LogRecord {
  static let headerSize = 32

  var number: UInt64
  var synced: UInt64
  var range: Range<Int>

  enum Found {
    case record(LogRecord)
    /// A header of one, but not all of it.
    case broken(number: UInt64)
    case none
  }

  /// What begins at `place`.
  static func at(_ place: Int, in bytes: [UInt8], life: UInt64) -> Found {
    guard place + headerSize <= bytes.count else { return .none }
    return unsafe bytes.withUnsafeBytes { bytes in
      // All within the bytes, by the line above and the check of the size.
      func word<T: FixedWidthInteger & BitwiseCopyable>(_ offset: Int, _: T.Type) -> T {
        unsafe T(littleEndian: bytes.loadUnaligned(fromByteOffset: place + offset, as: T.self))
      }
      let size = Int(word(4, UInt32.self))
      guard word(24, UInt64.self) == life else { return .none }
      let number = word(8, UInt64.self)
      let end = place + headerSize + size
      guard end <= bytes.count,
        unsafe Checksum.of(UnsafeRawBufferPointer(rebasing: bytes[place + 4..<end])) == word(0, UInt32.self)
      else { return .broken(number: number) }
      return .record(
        LogRecord(number: number, synced: word(16, UInt64.self), range: place + headerSize..<end))
    }
  }

  /// Where the next one begins.
  var next: Int { (range.upperBound + 7) / 8 * 8 }
}

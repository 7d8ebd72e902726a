import CSQLite
import Jobs

/// Stands between SQLite and its write-ahead log, for two things.
///
/// It decides commit by commit whether the log is synced: `PRAGMA synchronous` cannot be changed inside a transaction, and a sync after
/// the commit could fail when there is nothing left to undo. Under FULL, SQLite syncs as part of COMMIT and takes the transaction back
/// when that fails; a relaxed commit has this sync left out.
///
/// It gathers what a commit writes: SQLite writes each page's header and the page itself one by one. Under FULL the sync is the last
/// thing before others may look, so all is written there, with one call.
@safe final class SyncGate {
  private let block: UnsafeMutablePointer<LogBlock>
  private let file: UnsafeMutablePointer<sqlite3_file>

  /// - Parameter handle: a connection in WAL mode, with FULL, that has read at least once. Must be closed before this object goes.
  init?(_ handle: OpaquePointer) {
    var found: UnsafeMutablePointer<sqlite3_file>?
    // Gives the log's file in WAL mode.
    let code = unsafe withUnsafeMutablePointer(to: &found) {
      unsafe sqlite3_file_control(handle, "main", SQLITE_FCNTL_JOURNAL_POINTER, $0)
    }
    guard code == SQLITE_OK, let file = unsafe found, let original = unsafe file.pointee.pMethods else { return nil }
    unsafe block = .allocate(capacity: 1)
    unsafe block.initialize(to: LogBlock(wrapping: original))
    unsafe self.file = unsafe file
    // From here on SQLite calls the wrappers, with a file that points to the block.
    unsafe file.pointee.pMethods = unsafe UnsafeRawPointer(block).assumingMemoryBound(to: sqlite3_io_methods.self)
    // Called after each commit with the pages in the log; the block lives as long as the connection.
    _ = unsafe sqlite3_wal_hook(
      handle,
      { context, _, _, pages in
        if let context = unsafe context {
          unsafe context.assumingMemoryBound(to: LogBlock.self).pointee.pagesInLog = pages
        }
        return SQLITE_OK
      }, block)
  }

  deinit {
    // The connection is closed: nothing points here any more.
    unsafe block.pointee.buffer.deallocate()
    unsafe block.deinitialize(count: 1)
    unsafe block.deallocate()
  }

  /// Whether the commits that follow leave the sync out.
  var skips: Bool {
    get { unsafe block.pointee.skips }
    set { unsafe block.pointee.skips = newValue }
  }

  /// As of the latest commit.
  var pagesInLog: Int {
    get { Int(unsafe block.pointee.pagesInLog) }
    set { unsafe block.pointee.pagesInLog = Int32(clamping: newValue) }
  }

  /// Whether something committed was not synced yet.
  var isDirty: Bool { unsafe block.pointee.isDirty }

  /// For tests: what syncing gives instead of being done; 0: nothing.
  var syncFault: Int32 {
    get { unsafe block.pointee.syncFault }
    set { unsafe block.pointee.syncFault = newValue }
  }

  /// For tests: what writing gives instead of being done; 0: nothing.
  var writeFault: Int32 {
    get { unsafe block.pointee.writeFault }
    set { unsafe block.pointee.writeFault = newValue }
  }

  /// Syncs the log now.
  func sync() -> Int32 {
    skips = false
    // The same call that SQLite makes, on a file it holds open as long as the connection lives.
    return unsafe block.pointee.methods.xSync(file, SQLITE_SYNC_NORMAL)
  }
}

/// The log's table of methods, some of them wrapped, and next to it what the wrappers need: one block of memory that the file itself
/// points to, so that each wrapper, which gets the file, finds it.
@unsafe private struct LogBlock {
  /// First, so that a pointer to it is a pointer to the block.
  var methods: sqlite3_io_methods
  let original: UnsafePointer<sqlite3_io_methods>
  var skips = false
  /// The log was begun anew: its header has to be on disk before its frames, whatever the commit asks for.
  var hasNewHeader = false
  var isDirty = false
  /// A sync failed: the kernel may have dropped some of what was written, and would not say so again. If the log were copied into the database file all
  /// the same, and only a part of it was there at the next opening, older pages would hide newer ones.
  var hasLost = false
  var pagesInLog: Int32 = 0
  var syncFault: Int32 = 0
  var writeFault: Int32 = 0
  /// Written by SQLite, not yet by us: `count` bytes that belong at `start`.
  let buffer = unsafe UnsafeMutableRawPointer.allocate(byteCount: Self.capacity, alignment: 16)
  var start: Int64 = 0
  var count = 0
  /// SQLite's own file layer cannot write more than 131071 bytes at once.
  static let capacity = 1 << 16

  init(wrapping original: UnsafePointer<sqlite3_io_methods>) {
    unsafe self.original = unsafe original
    unsafe methods = unsafe original.pointee
    // Each is called with the file whose methods these are. They capture nothing.
    unsafe methods.xWrite = { file, bytes, count, offset in
      guard let file = unsafe file, let bytes = unsafe bytes else { return SQLITE_MISUSE }
      return unsafe LogBlock.of(file).pointee.write(file, bytes, Int(count), at: offset)
    }
    unsafe methods.xSync = { file, flags in
      guard let file = unsafe file else { return SQLITE_MISUSE }
      return unsafe LogBlock.of(file).pointee.sync(file, flags)
    }
    unsafe methods.xRead = { file, bytes, count, offset in
      guard let file = unsafe file else { return SQLITE_MISUSE }
      let code = unsafe LogBlock.of(file).pointee.flush(file)
      return code != SQLITE_OK
        ? code : unsafe LogBlock.of(file).pointee.original.pointee.xRead(file, bytes, count, offset)
    }
    unsafe methods.xTruncate = { file, size in
      guard let file = unsafe file else { return SQLITE_MISUSE }
      let code = unsafe LogBlock.of(file).pointee.flush(file)
      return code != SQLITE_OK ? code : unsafe LogBlock.of(file).pointee.original.pointee.xTruncate(file, size)
    }
    unsafe methods.xFileSize = { file, size in
      guard let file = unsafe file else { return SQLITE_MISUSE }
      let code = unsafe LogBlock.of(file).pointee.flush(file)
      return code != SQLITE_OK ? code : unsafe LogBlock.of(file).pointee.original.pointee.xFileSize(file, size)
    }
  }

  private static func of(_ file: UnsafeMutablePointer<sqlite3_file>) -> UnsafeMutablePointer<LogBlock> {
    // Set by SyncGate to the block's first field.
    unsafe UnsafeMutableRawPointer(mutating: file.pointee.pMethods).assumingMemoryBound(to: LogBlock.self)
  }

  private mutating func write(
    _ file: UnsafeMutablePointer<sqlite3_file>, _ bytes: UnsafeRawPointer, _ size: Int, at offset: Int64
  ) -> Int32 {
    if unsafe writeFault != 0 { return unsafe writeFault }
    if offset == 0 { unsafe hasNewHeader = true }
    if unsafe offset != start + Int64(count) || count + size > Self.capacity {
      let code = unsafe flush(file)
      if code != SQLITE_OK { return code }
      unsafe start = offset
    }
    // A page is smaller.
    if unsafe size > Self.capacity { return unsafe original.pointee.xWrite(file, bytes, Int32(size), offset) }
    // There is room for it.
    unsafe (buffer + count).copyMemory(from: bytes, byteCount: size)
    unsafe count += size
    return SQLITE_OK
  }

  private mutating func flush(_ file: UnsafeMutablePointer<sqlite3_file>) -> Int32 {
    guard unsafe count > 0 else { return SQLITE_OK }
    let size = unsafe Int32(count)
    // Whatever comes of it: a transaction whose writing failed is undone, and its bytes mean nothing.
    unsafe count = 0
    return unsafe original.pointee.xWrite(file, buffer, size, start)
  }

  private mutating func sync(_ file: UnsafeMutablePointer<sqlite3_file>, _ flags: Int32) -> Int32 {
    let written = unsafe flush(file)
    if written != SQLITE_OK { return written }
    if unsafe skips && !hasNewHeader {
      unsafe isDirty = true
      return SQLITE_OK
    }
    var code = unsafe hasLost ? writeAgain(file) : SQLITE_OK
    if code == SQLITE_OK { code = unsafe syncFault != 0 ? syncFault : original.pointee.xSync(file, flags) }
    unsafe hasLost = code != SQLITE_OK
    if code == SQLITE_OK {
      unsafe hasNewHeader = false
      unsafe isDirty = false
    }
    return code
  }

  /// All of the log, as the kernel still has it in memory.
  private mutating func writeAgain(_ file: UnsafeMutablePointer<sqlite3_file>) -> Int32 {
    var size: sqlite3_int64 = 0
    var code = unsafe original.pointee.xFileSize(file, &size)
    var place: sqlite3_int64 = 0
    while code == SQLITE_OK, place < size {
      let count = Int32(unsafe min(size - place, Int64(Self.capacity)))
      // Nothing waits in the buffer: it was flushed before the sync.
      code = unsafe original.pointee.xRead(file, buffer, count, place)
      if code == SQLITE_OK { code = unsafe original.pointee.xWrite(file, buffer, count, place) }
      place += Int64(count)
    }
    return code
  }
}

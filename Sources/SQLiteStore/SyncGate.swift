import CSQLite
import Jobs

/// Stands between SQLite and its write-ahead log, to decide commit by commit whether the log is synced: `PRAGMA synchronous` cannot be
/// changed inside a transaction, and a sync after the commit could fail when there is nothing left to undo. Under FULL, SQLite syncs
/// as part of COMMIT and takes the transaction back when that fails; a relaxed commit has this sync left out.
///
/// The log's table of methods is replaced by a copy with two of them wrapped. The copy, and next to it what the wrappers need, is one
/// block of memory that the file itself points to.
@safe final class SyncGate {
  @unsafe private struct Block {
    /// First, so that a pointer to it is a pointer to the block.
    var methods: sqlite3_io_methods
    var original: UnsafePointer<sqlite3_io_methods>
    var skips = false
    /// The log was begun anew: its header has to be on disk before its frames, whatever the commit asks for.
    var hasNewHeader = false
    var isDirty = false
    var pagesInLog: Int32 = 0
    /// For tests: what syncing or writing gives instead of being done; 0: nothing.
    var syncFault: Int32 = 0
    var writeFault: Int32 = 0
  }
  private let block: UnsafeMutablePointer<Block>
  private let file: UnsafeMutablePointer<sqlite3_file>

  /// - Parameter handle: a connection in WAL mode that has read at least once. Must be closed before this object goes.
  init?(_ handle: OpaquePointer) {
    var found: UnsafeMutablePointer<sqlite3_file>?
    // Gives the log's file in WAL mode.
    let code = unsafe withUnsafeMutablePointer(to: &found) {
      unsafe sqlite3_file_control(handle, "main", SQLITE_FCNTL_JOURNAL_POINTER, $0)
    }
    guard code == SQLITE_OK, let file = unsafe found, let original = unsafe file.pointee.pMethods else { return nil }
    var methods = unsafe original.pointee
    // Both are called with the file whose methods these are, so its pMethods is the block.
    unsafe methods.xSync = { file, flags in
      guard let file = unsafe file, let methods = unsafe file.pointee.pMethods else { return SQLITE_MISUSE }
      let block = unsafe UnsafeMutableRawPointer(mutating: methods).assumingMemoryBound(to: Block.self)
      if unsafe block.pointee.skips && !block.pointee.hasNewHeader {
        unsafe block.pointee.isDirty = true
        return SQLITE_OK
      }
      if unsafe block.pointee.syncFault != 0 { return unsafe block.pointee.syncFault }
      let code = unsafe block.pointee.original.pointee.xSync(file, flags)
      if code == SQLITE_OK {
        unsafe block.pointee.hasNewHeader = false
        unsafe block.pointee.isDirty = false
      }
      return code
    }
    unsafe methods.xWrite = { file, bytes, count, offset in
      guard let file = unsafe file, let methods = unsafe file.pointee.pMethods else { return SQLITE_MISUSE }
      let block = unsafe UnsafeMutableRawPointer(mutating: methods).assumingMemoryBound(to: Block.self)
      if unsafe block.pointee.writeFault != 0 { return unsafe block.pointee.writeFault }
      if offset == 0 { unsafe block.pointee.hasNewHeader = true }
      return unsafe block.pointee.original.pointee.xWrite(file, bytes, count, offset)
    }
    unsafe block = .allocate(capacity: 1)
    unsafe block.initialize(to: Block(methods: methods, original: original))
    unsafe self.file = unsafe file
    // Called after each commit with the pages in the log; the block lives as long as the connection.
    _ = unsafe sqlite3_wal_hook(
      handle,
      { context, _, _, pages in
        if let context = unsafe context {
          unsafe context.assumingMemoryBound(to: Block.self).pointee.pagesInLog = pages
        }
        return SQLITE_OK
      }, block)
    unsafe file.pointee.pMethods = unsafe UnsafeRawPointer(block).assumingMemoryBound(to: sqlite3_io_methods.self)
  }

  deinit {
    // The connection is closed: nothing points here any more.
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

  var syncFault: Int32 {
    get { unsafe block.pointee.syncFault }
    set { unsafe block.pointee.syncFault = newValue }
  }

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

import Glibc

/// What the embedded store takes on its disk.
struct StoreFiles {
  /// Bytes of the database and SQLite's files beside it.
  var database: UInt64
  /// Bytes of the log of what was written, which is made as large as it may be.
  var log: UInt64
  /// Bytes that are left for it.
  var free: UInt64

  /// - Parameter path: the store's folder.
  static func read(_ path: String) -> StoreFiles {
    var disk = statvfs()
    // Fills the value it is given the address of.
    let isKnown = unsafe statvfs(path, &disk) == 0
    return StoreFiles(
      database: ["gkick.db", "gkick.db-wal", "gkick.db-shm"].reduce(0) { $0 + size("\(path)/\($1)") },
      log: ["gkick.log.0", "gkick.log.1"].reduce(0) { $0 + size("\(path)/\($1)") },
      free: isKnown ? UInt64(disk.f_bavail) * UInt64(disk.f_frsize) : 0)
  }

  /// 0: there is no such file.
  private static func size(_ path: String) -> UInt64 {
    var status = stat()
    // Fills the value it is given the address of.
    return unsafe stat(path, &status) == 0 ? UInt64(max(0, status.st_size)) : 0
  }
}

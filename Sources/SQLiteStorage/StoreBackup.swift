import CSQLite
import Glibc
public import Jobs

/// Copies an embedded store while its server goes on: one snapshot, read through a connection that cannot write.
public enum StoreBackup {
  /// - Parameters:
  ///   - path: the store's folder.
  ///   - file: where the copy goes; it must not be there. It is a database as the store's own, complete and synced: put it as `gkick.db` into
  ///     a folder of its own, and a server opens that.
  /// - Returns: its size in bytes.
  public static func copy(store path: String, to file: String) throws(StoreError) -> Int64 {
    let database = path + "/gkick.db"
    guard unsafe access(database, R_OK) == 0 else { throw StoreError(.unusable, "there is no store in \(path)") }
    guard unsafe access(file, F_OK) != 0 else { throw StoreError(.unusable, "\(file) is there already") }
    // Made with a name of its own first, so that what bears the file's name is whole.
    let part = file + ".part"
    _ = unsafe unlink(part)
    do throws(StoreError) {
      let connection = try Connection(path: database, readOnly: true)
      let statement = try Statement(connection, "VACUUM INTO ?")
      statement.bind(1, part)
      _ = try statement.step()
      statement.reset()
      // As a store keeps its own.
      _ = try Connection(path: part, readOnly: false).text("PRAGMA journal_mode = WAL")
    } catch {
      _ = unsafe unlink(part)
      throw error
    }
    try sync(part)
    guard unsafe rename(part, file) == 0 else { throw failure("cannot rename \(part)") }
    var status = stat()
    // Fills the struct that it is given.
    guard unsafe stat(file, &status) == 0 else { throw failure("cannot read \(file)") }
    return Int64(status.st_size)
  }

  private static func sync(_ file: String) throws(StoreError) {
    let descriptor = unsafe open(file, O_RDWR | O_CLOEXEC)
    guard descriptor >= 0 else { throw failure("cannot open \(file)") }
    defer { Glibc.close(descriptor) }
    // Only its owner may read jobs.
    guard fchmod(descriptor, 0o600) == 0, fsync(descriptor) == 0 else { throw failure("cannot sync \(file)") }
  }

  private static func failure(_ doing: String) -> StoreError {
    // The text belongs to the C library and is copied at once.
    StoreError(.unusable, "\(doing): \(unsafe String(cString: strerror(errno)))")
  }
}

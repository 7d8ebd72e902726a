import Glibc
import Jobs

/// The folder of one embedded store, held against every other process for as long as this object lives. SQLite's own locks would
/// let two servers take turns.
final class StoreDirectory {
  let path: String
  private var descriptor: Int32

  var database: String { path + "/gkick.db" }

  /// Makes the folder (only its owner may enter) when it is not there.
  init(path: String) throws(StoreError) {
    if unsafe mkdir(path, 0o700) != 0, errno != EEXIST {
      throw Self.error("cannot make the folder \(path)")
    }
    var status = stat()
    guard unsafe stat(path, &status) == 0 else { throw Self.error("cannot read \(path)") }
    guard status.st_mode & S_IFMT == S_IFDIR else {
      throw StoreError(.unusable, "\(path) is not a folder: an embedded store is a folder of its own")
    }
    let descriptor = unsafe open(path + "/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw Self.error("cannot write in the folder \(path)") }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      let isHeld = errno == EWOULDBLOCK
      let error = Self.error("cannot lock \(path)")
      Glibc.close(descriptor)
      throw isHeld ? StoreError(.locked, "another server holds the store \(path)") : error
    }
    self.path = path
    self.descriptor = descriptor
  }

  deinit { release() }

  /// Lets others have it.
  func release() {
    guard descriptor >= 0 else { return }
    // Said, since closing alone leaves it to a process that was just forked off and has yet to exec.
    flock(descriptor, LOCK_UN)
    Glibc.close(descriptor)
    descriptor = -1
  }

  private static func error(_ what: String) -> StoreError {
    let code = errno
    let kind: StoreError.Kind = code == ENOSPC || code == EDQUOT ? .full : .unavailable
    // strerror's text is static or the thread's own, and copied at once.
    return StoreError(kind, "\(what): \(unsafe String(cString: strerror(code)))")
  }
}

import Glibc
import Jobs

/// The folder of one embedded store, held against every other process for as long as this object lives. SQLite's own locks would
/// let two servers take turns.
final class StoreDirectory {
  let path: String
  /// Of the file `lock`, which older versions know, and of the folder itself, which nobody can remove while it is in use.
  private var descriptors: [Int32] = []
  private let hadLockFile: Bool

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
    self.path = path
    hadLockFile = unsafe access(path + "/lock", F_OK) == 0
    try hold(open: unsafe open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC))
    try hold(open: unsafe open(path + "/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600))
  }

  /// Of somebody who only looks at the files: it is not held.
  init(lookingAt path: String) {
    self.path = path
    hadLockFile = true
  }

  private func hold(open descriptor: Int32) throws(StoreError) {
    guard descriptor >= 0 else { throw Self.error("cannot write in the folder \(path)") }
    descriptors.append(descriptor)
    if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { return }
    let isHeld = errno == EWOULDBLOCK
    let error = Self.error("cannot lock \(path)")
    throw isHeld ? StoreError(.locked, "another server holds the store \(path)") : error
  }

  /// What is in the folder is not ours, or cannot be used: there is to be no file in it that was not there.
  func forgetNewLockFile() {
    if !hadLockFile { unsafe unlink(path + "/lock") }
  }

  /// Whether a store was here: the lock file says so from the moment that it was made.
  var hadStore: Bool { size(of: "lock") ?? 0 > 0 }

  /// A store is here. Only says whether the rest of the files is gone: what fails is not missed.
  func noteStore(_ salt: UInt32) {
    guard !hadStore, let lock = descriptors.last, descriptors.count == 2 else { return }
    var text = Array("a gkick store, \(salt)\n".utf8)
    // As many bytes as the array has.
    _ = unsafe pwrite(lock, &text, text.count, 0)
  }

  /// An empty one, for its owner only: SQLite would make one that all may read, and makes its other files like it. What fails fails again
  /// when SQLite opens it.
  func makeDatabase() {
    let descriptor = unsafe open(database, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
    if descriptor >= 0 { Glibc.close(descriptor) }
  }

  /// Which files are in it is on disk.
  func sync() throws(StoreError) {
    // The folder itself is the first that is held.
    guard let folder = descriptors.first else { return }
    guard fsync(folder) == 0 else { throw Self.error("cannot sync the folder \(path)") }
  }

  deinit { release() }

  /// Lets others have it.
  func release() {
    for descriptor in descriptors {
      // Said, since closing alone leaves it to a process that was just forked off and has yet to exec.
      flock(descriptor, LOCK_UN)
      Glibc.close(descriptor)
    }
    descriptors = []
  }

  /// What tells a file in it from another of the same name.
  struct Identity: Equatable {
    var device: UInt64
    var inode: UInt64
  }

  /// nil: there is none of that name.
  func identity(of name: String) -> Identity? {
    var status = stat()
    // Fills the struct that it is given.
    guard unsafe stat(path + "/" + name, &status) == 0 else { return nil }
    return Identity(device: UInt64(status.st_dev), inode: UInt64(status.st_ino))
  }

  /// The size of a file in it; nil: there is none.
  func size(of name: String) -> Int? {
    var status = stat()
    return unsafe stat(path + "/" + name, &status) == 0 ? Int(status.st_size) : nil
  }

  /// The first bytes of a file in it.
  func start(of name: String, count: Int) -> [UInt8] {
    let descriptor = unsafe open(path + "/" + name, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return [] }
    defer { Glibc.close(descriptor) }
    return unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      // As many as there is room for.
      initialized = max(0, unsafe read(descriptor, buffer.baseAddress, count))
    }
  }

  static func error(_ what: String) -> StoreError {
    let code = errno
    let kind: StoreError.Kind = code == ENOSPC || code == EDQUOT ? .full : .unavailable
    // strerror's text is static or the thread's own, and copied at once.
    return StoreError(kind, "\(what): \(unsafe String(cString: strerror(code)))")
  }
}

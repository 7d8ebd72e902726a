import Glibc

/// Enough to see that a file is another, or has other contents.
struct FileStamp: Equatable {
  private var device: UInt64
  private var file: UInt64
  private var size: Int64
  private var seconds: Int
  private var nanoseconds: Int

  /// nil: there is no such file.
  init?(_ path: String) {
    var status = stat()
    // Fills the struct that it is given.
    guard unsafe stat(path, &status) == 0 else { return nil }
    device = UInt64(status.st_dev)
    file = UInt64(status.st_ino)
    size = Int64(status.st_size)
    seconds = status.st_mtim.tv_sec
    nanoseconds = status.st_mtim.tv_nsec
  }
}

import Glibc

/// Puts back what opening a store changes in its files, if the store is refused after all. Until it is taken over, all that was done in the database is one
/// open transaction; what SQLite writes for it is behind the end of its log, or is in the index beside that.
final class OpeningUndo {
  private static let walIndex = "gkick.db-shm"
  private static let wal = "gkick.db-wal"

  private let directory: StoreDirectory
  private let sizeOfWAL: Int?
  /// nil: there was none. It is some ten KB.
  private let index: [UInt8]?
  private var isNeeded = true

  init(_ directory: StoreDirectory) {
    self.directory = directory
    sizeOfWAL = directory.size(of: Self.wal)
    index = directory.size(of: Self.walIndex).map { directory.start(of: Self.walIndex, count: $0) }
  }

  /// The store is not refused.
  func forget() { isNeeded = false }

  /// SQLite has closed the files by now: see `Connection.undo`. What cannot be put back, on a disk that fails, is nothing that is read again.
  deinit {
    guard isNeeded else { return }
    putBackIndex()
    let wal = directory.path + "/" + Self.wal
    if let sizeOfWAL {
      if directory.size(of: Self.wal) != sizeOfWAL { unsafe truncate(wal, sizeOfWAL) }
    } else {
      unsafe unlink(wal)
    }
    directory.forgetNewLockFile()
  }

  private func putBackIndex() {
    let path = directory.path + "/" + Self.walIndex
    guard let index else {
      unsafe unlink(path)
      return
    }
    // In place: somebody who takes a backup may have it mapped.
    let file = unsafe open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
    guard file >= 0 else { return }
    defer { close(file) }
    // All of the array's bytes.
    unsafe index.withUnsafeBytes { bytes in
      _ = unsafe write(file, bytes.baseAddress, bytes.count)
    }
    if directory.size(of: Self.walIndex) != index.count { ftruncate(file, index.count) }
  }
}

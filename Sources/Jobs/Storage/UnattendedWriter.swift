/// A storage that can write and sync a few small change sets while no thread waits for the disk. May be called from any thread, but, like
/// the storage itself, by one at a time, and between `begin` and the end of what was begun nothing else is asked of the storage.
public protocol UnattendedWriter: AnyObject, Sendable {
  /// A descriptor that can be read (eight bytes, without blocking) when what was begun with it is done, for the caller to close. Below zero: there is none
  /// to be had.
  func makeNotice() -> Int32

  /// Begins what `Storage.write` does, and does not wait for it.
  /// - Returns: false: not now, nothing was begun.
  func begin(_ changes: [ChangeSet], epoch: Epoch, notice: Int32) -> Bool

  /// How what was begun stands.
  /// - Parameter waits: until it is done.
  func finish(waits: Bool) -> UnattendedOutcome
}

public enum UnattendedOutcome: Sendable {
  case underWay
  case stored
  /// Nothing is for certain: the same change sets are to be given to `Storage.write`.
  case notStored
}

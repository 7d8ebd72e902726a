import Jobs

/// Gives the storage suite storages of one kind. Each harness is one place where jobs are kept: made empty, removed with `clean`.
public protocol StorageHarness: AnyObject {
  /// A new, empty storage. Called once, before all else.
  func open(_ retention: EventRetention, salt: UInt32) throws -> any Storage

  /// Ends `storage` and opens what it left behind; nil: this kind forgets everything with the process.
  /// - Parameter crash: without `close`; what is not synced may or may not be there.
  func reopen(_ storage: any Storage, crash: Bool) throws -> (any Storage)?

  /// The same place as another server sees it; nil: only one server may have it.
  func another() throws -> (any Storage)?

  /// Lets time pass for `Leadership`, as the storage counts it.
  func pass(_ interval: Interval) throws

  /// Changes the stored body of a job behind the storage's back. False: this kind cannot.
  func damageBody(seq: Int64, in storage: any Storage) throws -> Bool

  /// Closes `storage` and removes all it left.
  func clean(_ storage: any Storage)
}

extension StorageHarness {
  public func another() throws -> (any Storage)? { nil }
  public func pass(_ interval: Interval) throws {}
  public func damageBody(seq: Int64, in storage: any Storage) throws -> Bool { false }
}

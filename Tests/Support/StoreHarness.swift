import Jobs

/// Gives the conformance suite stores of one kind. Each harness is one place where a store lives: made empty, removed with `clean`.
public protocol StoreHarness: AnyObject {
  /// Opens a new, empty store. Called once, before all else.
  func open(_ configuration: StoreConfiguration, salt: UInt32, now: Timestamp) throws -> any JobStore

  /// Ends `store` and opens what it left behind; nil: this kind forgets everything with the process.
  /// - Parameter crash: ends it without `close`; what was not committed is lost, if the store is transactional.
  func reopen(_ store: any JobStore, crash: Bool, now: Timestamp) throws -> (any JobStore)?

  /// Closes `store` and removes all it left.
  func clean(_ store: any JobStore)

  /// Whether `rollback` undoes verbs that have returned. A shared store may not.
  var isTransactional: Bool { get }

  /// Whether opening gives every lease a full term, since no other server can have been alive.
  var renewsLeasesAtOpen: Bool { get }
}

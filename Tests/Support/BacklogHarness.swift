import Backlog
import Jobs
import MemoryStorage

/// The state on the storage in memory, under the suite of verbs.
public final class BacklogHarness: StoreHarness {
  public let isTransactional = true
  public let renewsLeasesAtOpen = true
  private var storage = MemoryStorage()
  private var terms = StoreConfiguration()

  public init() {}

  public func open(_ configuration: StoreConfiguration, salt: UInt32, now: Timestamp) throws -> any JobStore {
    storage = MemoryStorage(salt: salt)
    terms = configuration
    return try BacklogStore(storage, terms: terms, now: now)
  }

  public func reopen(_ store: any JobStore, crash: Bool, now: Timestamp) throws -> (any JobStore)? {
    try BacklogStore(storage, terms: terms, now: now)
  }

  public func clean(_ store: any JobStore) {}
}

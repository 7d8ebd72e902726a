import Jobs
import MemoryStore

/// The reference store under the suite itself.
public final class MemoryHarness: StoreHarness {
  public let isTransactional = true
  public let renewsLeasesAtOpen = true

  public init() {}

  public func open(_ configuration: StoreConfiguration, salt: UInt32, now: Timestamp) -> any JobStore {
    MemoryStore(configuration: configuration, salt: salt)
  }

  public func reopen(_ store: any JobStore, crash: Bool, now: Timestamp) -> (any JobStore)? { nil }

  public func clean(_ store: any JobStore) {}
}

import Jobs
import MemoryStorage
import Synchronization

public final class MemoryStorageHarness: StorageHarness {
  private final class Clock: Sendable {
    let now = Mutex(Timestamp(seconds: 1))
  }
  private let clock = Clock()
  private let isShared: Bool
  private var storage: MemoryStorage?

  /// - Parameter isShared: as a storage of several servers.
  public init(isShared: Bool = false) { self.isShared = isShared }

  public func open(_ retention: EventRetention, salt: UInt32) throws -> any Storage {
    let clock = clock
    let read: @Sendable () -> Timestamp = { clock.now.withLock { $0 } }
    let storage = MemoryStorage(
      retention: retention, salt: salt, remembersUnsynced: true,
      clock: isShared ? read : nil)
    self.storage = storage
    return storage
  }

  /// The object is the place: whoever has it finds what was written.
  public func reopen(_ storage: any Storage, crash: Bool) throws -> (any Storage)? { storage }

  public func another() throws -> (any Storage)? { storage }
  public func pass(_ interval: Interval) throws { clock.now.withLock { $0 = $0 + interval } }

  public func damageBody(seq: Int64, in storage: any Storage) throws -> Bool {
    self.storage?.damageBody(seq: seq)
    return true
  }

  public func clean(_ storage: any Storage) {}
}

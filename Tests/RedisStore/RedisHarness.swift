import Jobs
import Support
import Synchronization
import Testing

@testable import RedisStore

/// One Redis for all conformance cases: each has its own prefix.
final class RedisHarness: StoreHarness {
  static let server = Result { try RedisProcess(["--appendfsync", "everysec"]) }
  private static let count = Mutex(0)

  private var configuration = StoreConfiguration()
  private var options = RedisOptions()
  private var url = RedisURL("redis://localhost")

  let isTransactional = false
  /// Not while a server has said that it is there: the crashed one did a moment ago.
  let renewsLeasesAtOpen = false

  func open(_ configuration: StoreConfiguration, salt: UInt32, now: Timestamp) throws -> any JobStore {
    self.configuration = configuration
    let number = Self.count.withLock { count in
      count += 1
      return count
    }
    options.prefix = "{case\(number)}:"
    options.salt = salt
    // Nothing but the verbs themselves may move what the cases look at.
    options.beat = .seconds(3600)
    url = RedisURL(try Self.server.get().url)
    return try openAgain(now)
  }

  private func openAgain(_ now: Timestamp) throws -> any JobStore {
    try RedisStore.open(
      url: #require(url), configuration: configuration, options: options, now: { now })
  }

  func reopen(_ store: any JobStore, crash: Bool, now: Timestamp) throws -> (any JobStore)? {
    // A store that is not closed goes on listening, as a crashed server's would not: it does no harm.
    if !crash { _ = try store.commit(.synced) }
    try store.close()
    return try openAgain(now)
  }

  func clean(_ store: any JobStore) { try? store.close() }
}

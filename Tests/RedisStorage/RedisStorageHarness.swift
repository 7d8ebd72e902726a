import Jobs
import Support
import Synchronization
import Testing

@testable import RedisStorage

/// One Redis for all conformance cases: each has its own prefix.
final class RedisStorageHarness: StorageHarness {
  static let server = Result { try RedisProcess(["--appendfsync", "everysec"]) }
  private static let count = Mutex(0)

  private var options = RedisOptions()
  private var others: [RedisStorage] = []

  private func open() throws -> RedisStorage {
    try RedisStorage.open(url: #require(RedisURL(try Self.server.get().url)), options: options)
  }

  func open(_ retention: EventRetention, salt: UInt32) throws -> any Storage {
    let number = Self.count.withLock { count in
      count += 1
      return count
    }
    options.prefix = "{case\(number)}:"
    options.salt = salt
    options.retention = retention
    return try open()
  }

  func reopen(_ storage: any Storage, crash: Bool) throws -> (any Storage)? {
    // What was written is in Redis, whoever wrote it and however that ended.
    if !crash { try storage.close() }
    return try open()
  }

  func another() throws -> (any Storage)? {
    let other = try open()
    others.append(other)
    return other
  }

  /// The leader was last heard of, and the servers seen, that much earlier.
  func pass(_ interval: Interval) throws {
    let server = try Self.server.get()
    let back = String(-interval.microseconds / 1000)
    server.ask("HINCRBY", options.prefix + "m", "renewed", back)
    for id in ["scene", "other"] where server.ask("ZSCORE", options.prefix + "seen", id).hasPrefix("$1") {
      server.ask("ZINCRBY", options.prefix + "seen", back, id)
    }
  }

  func clean(_ storage: any Storage) {
    try? storage.close()
    for other in others { try? other.close() }
  }
}

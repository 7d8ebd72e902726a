import Jobs
import Support
import Synchronization

@testable import MySQLStorage

/// Tables with a prefix of their own in a database of their own, in one MariaDB.
final class MySQLHarness: StorageHarness {
  private static let count = Mutex(0)
  let process: MariaProcess
  let database: String
  private var options = MySQLOptions()
  private var retention = EventRetention()
  private var others: [any Storage] = []

  init(_ process: MariaProcess? = nil) throws {
    self.process = try process ?? MariaProcess.shared.get()
    let number = Self.count.withLock { count in
      count += 1
      return count
    }
    database = "test\(number)"
    try self.process.ask("CREATE DATABASE \(database)")
  }

  private func make() throws -> any Storage {
    try MySQLStorage(url: process.url(database: database), retention: retention, options: options)
  }

  func open(_ retention: EventRetention, salt: UInt32) throws -> any Storage {
    self.retention = retention
    options.schema = "own"
    options.salt = salt
    return try make()
  }

  func reopen(_ storage: any Storage, crash: Bool) throws -> (any Storage)? {
    if !crash { try storage.close() }
    return try make()
  }

  func another() throws -> (any Storage)? {
    let other = try make()
    others.append(other)
    return other
  }

  func pass(_ interval: Interval) throws {
    try process.ask(
      "UPDATE \(database).own_renewal SET at = at - \(interval.microseconds); "
        + "UPDATE \(database).own_server SET last_seen_at = last_seen_at - \(interval.microseconds)")
  }

  func damageBody(seq: Int64, in storage: any Storage) throws -> Bool {
    try process.ask("UPDATE \(database).own_job SET body = INSERT(body, 100, 1, 'x') WHERE seq = \(seq)")
    return true
  }

  func clean(_ storage: any Storage) {
    for one in others + [storage] { try? one.close() }
    _ = try? process.ask("DROP DATABASE \(database)")
  }
}

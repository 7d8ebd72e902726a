import Jobs
import Support
import Synchronization

@testable import PostgresStorage

/// A schema of its own in one PostgreSQL.
final class PostgresHarness: StorageHarness {
  private static let count = Mutex(0)
  let process: PostgresProcess
  let schema: String
  var options = PostgresOptions()
  /// nil: that of the process.
  var url: String?
  private var retention = EventRetention()
  private var others: [any Storage] = []

  init(_ process: PostgresProcess? = nil, schema: String? = nil) throws {
    self.process = try process ?? PostgresProcess.shared.get()
    self.schema = schema ?? "gkick test \"\(Self.count.withLock { count in count += 1; return count })"
  }

  private func make() throws -> any Storage {
    try PostgresStorage(url: url ?? process.url, retention: retention, options: options)
  }

  func open(_ retention: EventRetention, salt: UInt32) throws -> any Storage {
    self.retention = retention
    options.schema = schema
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

  var quoted: String { "\"" + schema.replacing("\"", with: "\"\"") + "\"" }

  func pass(_ interval: Interval) throws {
    let span = "interval '\(interval.microseconds) microseconds'"
    try process.ask(
      "UPDATE \(quoted).renewal SET at = at - \(span); UPDATE \(quoted).server SET last_seen_at = last_seen_at - \(span)"
    )
  }

  func damageBody(seq: Int64, in storage: any Storage) throws -> Bool {
    try process.ask("UPDATE \(quoted).job SET body = set_byte(body, 100, 99) WHERE seq = \(seq)")
    return true
  }

  func clean(_ storage: any Storage) {
    for one in others + [storage] { try? one.close() }
    _ = try? process.ask("DROP SCHEMA \(quoted) CASCADE")
  }
}

import Glibc
import Jobs
import Logging
import MemoryStorage
import MySQLStorage
import NIOSSL
import PostgresStorage
import RedisStorage
import SQLiteStorage
import Services

/// The one place that knows which storage a `--store` means.
enum StoreFactory {
  /// Opens the storage, and waits for one that cannot be reached: what starts with the machine starts in any order. Says once for each reason
  /// what it waits for. Blocks; ends also when the process is to end.
  static func await(_ settings: ServerSettings, logger: Logger) throws -> any Storage {
    let end = ContinuousClock.now + .microseconds(settings.storeWait.microseconds)
    var told: Set<String> = []
    while true {
      do {
        return try open(
          settings.store, terms: settings.storeTerms, redis: settings.redis, sql: settings.sql, logger: logger)
      } catch let error as StoreError where error.kind == .unavailable {
        guard ContinuousClock.now < end, !Signals.wantEnd else { throw error }
        if told.count < 8, told.insert(error.message).inserted {
          logger.warning(
            "the store cannot be reached: waiting for it",
            metadata: ["error": "\(error)", "limit": "\(IntervalText.format(settings.storeWait))"])
        }
        usleep(250_000)
      }
    }
  }

  /// Opens the storage. - Throws: what is said to the user who started the server.
  static func open(
    _ location: StoreLocation, terms: StoreConfiguration, redis: RedisSettings, sql: SQLSettings, logger: Logger
  ) throws -> any Storage {
    let retention = EventRetention(age: terms.eventRetention, bytes: terms.eventBytes)
    switch location {
    case .embedded(let path):
      let storage = try SQLiteStorage.open(path: path, retention: retention)
      for finding in storage.openFindings { logger.error("\(finding)") }
      return storage
    case .memory:
      return MemoryStorage(retention: retention)
    case .redis(let url):
      var options = RedisOptions()
      options.prefix = redis.prefix
      options.replicas = redis.wait
      options.retention = retention
      options.warn = { text in logger.warning("\(text)") }
      if url.isTLS { options.makeTransport = try tls(redis) }
      return try RedisStorage.open(url: url, options: options)
    case .postgres(let url):
      var options = PostgresOptions()
      options.schema = sql.schema
      options.payloadLimit = Int64(sql.payloadLimit)
      options.warn = { text in logger.warning("\(text)") }
      return try PostgresStorage(url: url, retention: retention, options: options)
    case .mysql(let url):
      var options = MySQLOptions()
      options.schema = sql.schema
      options.payloadLimit = sql.payloadLimit
      options.inboxPoll = .microseconds(sql.inboxPoll.microseconds)
      options.warn = { text in logger.warning("\(text)") }
      return try MySQLStorage(url: url, retention: retention, options: options)
    }
  }

  private static func tls(_ redis: RedisSettings) throws -> RedisOptions.MakeTransport {
    var configuration = TLSConfiguration.makeClientConfiguration()
    if let file = redis.authorities { configuration.trustRoots = .file(file) }
    let context: NIOSSLContext
    do {
      context = try NIOSSLContext(configuration: configuration)
    } catch {
      throw StartFailure("--redis-ca: the certificates cannot be used: \(error)")
    }
    return { (target, _, deadline) throws(RedisTransportError) in
      guard case .tcp(let endpoint) = target else { throw .failed("TLS needs a host, not a socket") }
      return try TLSTransport(endpoint, context, until: deadline)
    }
  }
}

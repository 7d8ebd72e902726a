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
      return warned(try PostgresStorage(url: url, retention: retention, options: options), logger)
    case .mysql(let url):
      var options = MySQLOptions()
      options.schema = sql.schema
      options.payloadLimit = sql.payloadLimit
      options.inboxPoll = .microseconds(sql.inboxPoll.microseconds)
      return warned(try MySQLStorage(url: url, retention: retention, options: options), logger)
    }
  }

  private static func warned(_ storage: any Storage, _ logger: Logger) -> any Storage {
    for weakness in storage.weaknesses { logger.warning("\(weakness)") }
    return storage
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

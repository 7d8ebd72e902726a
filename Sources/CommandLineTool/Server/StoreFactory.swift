import Jobs
import Logging
import MemoryStore
import NIOSSL
import RedisStore
import SQLiteStore
import Services

/// The one place that knows which store a `--store` means.
enum StoreFactory {
  /// Opens the store. - Throws: what is said to the user who started the server.
  /// - Parameter relay: gets what a shared store hears of other servers.
  static func open(
    _ location: StoreLocation, terms: StoreConfiguration, redis: RedisSettings, relay: SignalRelay, logger: Logger
  ) throws -> any JobStore {
    switch location {
    case .embedded(let path):
      return try SQLiteStore.open(path: path, configuration: terms, now: EngineHost.wallClock())
    case .memory:
      return MemoryStore(configuration: terms, salt: UInt32.random(in: 0...0xFFF_FFFF))
    case .redis(let url):
      var options = RedisOptions()
      options.prefix = redis.prefix
      options.replicas = redis.wait
      options.warn = { text in logger.warning("\(text)") }
      if url.isTLS { options.makeTransport = try tls(redis) }
      return try RedisStore.open(
        url: url, configuration: terms, options: options, now: { EngineHost.wallClock() },
        signal: { relay.send($0) })
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

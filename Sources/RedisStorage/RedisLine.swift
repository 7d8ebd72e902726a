import Jobs
import Synchronization

/// A connection for one kind of use: made when it is first needed, and anew after it was lost. Its users wait for each other.
final class RedisLine: Sendable {
  private struct State {
    var session: RedisSession?
    /// No attempt to connect before this, after one that failed ...
    var notBefore: ContinuousClock.Instant
    /// ... with this.
    var failure = RedisFailure.connection("not connected yet")
    var delay: Duration
    var isClosed = false
  }
  private let dialer: RedisDialer
  private let known: KnownStore
  private let checksDurability: Bool
  private let now: @Sendable () -> ContinuousClock.Instant
  private let state: Mutex<State>

  init(
    _ dialer: RedisDialer, _ known: KnownStore, checksDurability: Bool = false,
    now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }
  ) {
    self.dialer = dialer
    self.now = now
    self.known = known
    self.checksDurability = checksDurability
    state = Mutex(State(notBefore: now(), delay: dialer.options.reconnectDelay.lowerBound))
  }

  /// - Parameter rereads: what is asked only reads: it is asked once more when the connection was closed while nobody looked.
  func use<R: Sendable>(
    rereads: Bool = false, _ body: (inout RedisSession) throws(RedisFailure) -> R
  ) throws(StoreError) -> R {
    try state.withLock { (state) throws(StoreError) -> R in
      for isSecond in [false, true] {
        if state.isClosed { throw StoreError(.unavailable, "the store was closed") }
        let wasOpen = state.session != nil
        do throws(RedisFailure) {
          try connect(&state)
          guard var session = state.session.take() else { throw state.failure }
          // Whoever gave up between asking and hearing leaves replies that the next would take for its own.
          defer { if session.connection.unanswered == 0 { state.session = session } }
          return try body(&session)
        } catch {
          if error.endsConnection { state.session = nil }
          if case .connection = error, wasOpen, rereads, !isSecond { continue }
          throw error.storeError
        }
      }
      throw state.failure.storeError
    }
  }

  private func connect(_ state: inout State) throws(RedisFailure) {
    if state.session != nil { return }
    if now() < state.notBefore { throw state.failure }
    do throws(RedisFailure) {
      let session = try dialer.dial()
      if checksDurability {
        let check = try DurabilityCheck(
          session.connection, replicas: dialer.options.replicas, timeout: dialer.options.connectTimeout)
        known.note(weaknesses: check.weaknesses, warn: dialer.options.warn)
        if dialer.options.refusesWeakDurability, let weakness = check.weaknesses.first {
          throw .refused("GKWEAK \(weakness)")
        }
      }
      try known.greet(session, dialer.options)
      state.session = session
      state.delay = dialer.options.reconnectDelay.lowerBound
    } catch {
      state.failure = error
      state.notBefore = now() + state.delay
      state.delay = min(state.delay * 2, dialer.options.reconnectDelay.upperBound)
      throw error
    }
  }

  func close() {
    state.withLock { state in
      state.isClosed = true
      state.session = nil
    }
  }
}

/// What this server knows of the store, shared by its connections.
final class KnownStore: Sendable {
  private struct State {
    var salt: UInt32?
    var secret: [UInt8] = []
    var weaknesses: [String] = []
    var epoch: UInt32 = 0
    var number: UInt64 = 0
    var cursor: Int64 = 0
  }
  private let state = Mutex(State())
  let layout: Layout

  init(_ layout: Layout) { self.layout = layout }

  var salt: UInt32 { state.withLock { $0.salt ?? 0 } }
  var secret: [UInt8] { state.withLock { $0.secret } }
  var weaknesses: [String] { state.withLock { $0.weaknesses } }

  /// The newest that is known to have been stored: a Redis that knows less has lost it.
  var newest: (epoch: UInt32, number: UInt64, cursor: Int64) {
    state.withLock { ($0.epoch, $0.number, $0.cursor) }
  }

  /// What was lost has been told; cursors stay, since they are never given again.
  func forget() { state.withLock { $0.number = 0 } }

  func note(epoch: UInt32, number: UInt64, cursor: Int64) {
    state.withLock { state in
      if epoch > state.epoch {
        state.epoch = epoch
        state.number = number
      } else if epoch == state.epoch {
        state.number = max(state.number, number)
      }
      state.cursor = max(state.cursor, cursor)
    }
  }

  /// Says so when there are others than before.
  func note(weaknesses: [String], warn: (String) -> Void) {
    let isNews = state.withLock { state in
      defer { state.weaknesses = weaknesses }
      return state.weaknesses != weaknesses
    }
    if isNews { weaknesses.forEach(warn) }
  }

  /// Sees that the store is there and ours; makes it when there is none.
  func greet(_ session: RedisSession, _ options: RedisOptions) throws(RedisFailure) {
    var fields = try read(session)
    if fields.version == nil {
      try make(session, options)
      fields = try read(session)
    }
    guard fields.version == Layout.version, let salt = fields.salt.flatMap({ UInt32($0) }) else {
      throw .refused(
        "GKVERSION the store under \(layout.prefix) is of format \(fields.version ?? "?"), this server knows \(Layout.version). "
          + (fields.version == "1"
            ? "It was made by gKick 0.1: let that version finish its jobs, then give this one another --redis-prefix or database"
            : "Use the gKick version that made it, or another --redis-prefix or database"))
    }
    let before = state.withLock { state in
      defer {
        state.salt = salt
        state.secret = Array(fields.secret.utf8)
      }
      return state.salt
    }
    if let before, before != salt {
      options.warn("Redis has lost the store's data, or it was replaced: a new store is used from now on")
    }
  }

  private func read(_ session: RedisSession) throws(RedisFailure) -> (version: String?, salt: String?, secret: String) {
    var reply = try session.ask(RedisCommand("HMGET", layout.meta, "version", "salt", "secret"))
    _ = try reply.array()
    return (try reply.optionalString(), try reply.optionalString(), try reply.optionalString() ?? "")
  }

  /// Several servers may do so at once: what is there already stays, the version comes last.
  private func make(_ session: RedisSession, _ options: RedisOptions) throws(RedisFailure) {
    let salt = (options.salt ?? UInt32.random(in: 0...0xFFF_FFFF)) & 0xFFF_FFFF
    var generator = SystemRandomNumberGenerator()
    let secret = (0..<4).map { _ in String(generator.next() | 1 << 63, radix: 16) }.joined()
    let fields = [
      ("salt", String(salt)), ("secret", secret), ("seq", "1"), ("cursor", "0"), ("trimmed", "0"), ("bytes", "0"),
      ("epoch", "0"), ("number", "0"), ("leader", ""), ("renewed", "0"), ("version", Layout.version),
    ]
    _ = try session.ask(fields.map { RedisCommand("HSETNX", layout.meta, $0.0, $0.1) })
  }
}

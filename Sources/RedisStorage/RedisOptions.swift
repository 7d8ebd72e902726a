public import Jobs

/// How the storage uses its Redis. Every time-out is chosen so that a server whose Redis is away answers soon.
public struct RedisOptions: Sendable {
  /// Begins every key. The part in braces is the hash tag: one deployment lives in one slot of a Redis Cluster.
  public var prefix = "{gkick}:"
  /// Name and password for the Sentinels, when they ask for them.
  public var sentinelUser = ""
  public var sentinelPassword = ""

  /// How long to wait for a connection, with everything that is said on it before its first use.
  public var connectTimeout: Duration = .seconds(1)
  /// How long to wait for one reply. Then the connection is given up: what was asked may or may not have been done.
  public var replyTimeout: Duration = .seconds(2)
  /// How long to wait between attempts to connect: doubled from the first to the second.
  public var reconnectDelay: ClosedRange<Duration> = .milliseconds(50)...(.seconds(1))

  /// How many replicas must have a synced commit; 0: none. Asked with WAIT along with every write.
  public var replicas = 0
  public var replicaTimeout: Duration = .seconds(1)
  /// Whether to refuse a Redis that does not fsync before it answers, instead of warning.
  public var refusesWeakDurability = false

  /// The largest reply, and the most values in one: what is over them is a protocol error.
  public var maxReplyBytes = 256 << 20
  public var maxReplyValues = 1 << 20

  public typealias MakeTransport =
    @Sendable (RedisTarget, _ isTLS: Bool, _ deadline: ContinuousClock.Instant) throws(RedisTransportError)
    -> any RedisTransport
  /// Makes the byte transport of each connection; nil: plain TCP and Unix sockets, no TLS. Called on any thread, may block
  /// until the deadline. The flag says whether TLS is asked for.
  public var makeTransport: MakeTransport?

  /// Told what an operator should know: weak durability, a lost connection, a store that lost its data. Called on any thread.
  public var warn: @Sendable (String) -> Void = { _ in }

  /// The salt of a new store's ids; nil: random. See `JobID`.
  var salt: UInt32?

  /// How long events can be read, and how many bytes of them are kept.
  public var retention = EventRetention()

  public init() {}
}

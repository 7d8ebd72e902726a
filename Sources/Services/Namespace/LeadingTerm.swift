public import Jobs
public import RPC

/// What runs on a server while it leads a namespace: an engine with its state, and the methods that ask it.
public protocol LeadingTerm: Sendable {
  var methods: MethodTable { get }

  /// Whether nothing of it has moved for so long that another server should lead. Asked every few hundred milliseconds.
  /// - Parameter now: microseconds of a clock that nobody sets.
  func standsStill(now: Int64) -> Bool

  /// Ends it. Whoever waits for an answer of it is told `Status.notLeading` or UNAVAILABLE; when it returns nothing of it touches
  /// the storage any more.
  func stop() async
}

/// Loads the state and starts the engine.
/// - Parameter deposed: to be called, once or more, when a write was refused because another epoch has begun.
public typealias BeginTerm =
  @Sendable (_ epoch: Epoch, _ deposed: @escaping @Sendable () -> Void) async throws -> any LeadingTerm

/// How soon things are noticed. Spans, by the storage's clock and by this server's.
public struct LeadershipTimes: Sendable {
  /// How often the leader says that it is there, and the others look.
  public var beat: Interval = .milliseconds(200)
  /// A leader that was silent for so long is followed by another ...
  public var term: Interval = .seconds(2)
  /// ... and one that cannot be connected to any more either, for so long.
  public var quickTerm: Interval = .milliseconds(500)
  /// How often a server says that it is there.
  public var announcement: Interval = .seconds(1)

  public init() {}
}

/// What a server knows of who leads.
public struct LeadershipStatus: Sendable {
  public var leads = false
  /// It has the lead and loads the state.
  public var isStarting = false
  /// Empty: nobody is known to lead.
  public var leaderID = ""
  public var leaderAddress = ""
  /// Since when this is so, as far as this server knows.
  public var since = Timestamp.distantPast
  public var epoch = Epoch(0)
  /// Since the last time the storage was asked who leads, or told that this server does.
  public var renewedAgo: Interval = .zero
  /// Why the storage cannot be asked.
  public var failure: StoreError?
  public var servers: [ServerRecord] = []

  public init() {}
}

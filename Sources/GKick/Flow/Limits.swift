public import Jobs
import Wire

/// How many jobs may run, start and wait. Several limits may cover a job; it starts when all of them let it. A limit holds across all servers.
///
///     try await client.limits.put(Limit(.keyPrefix("tenant-"), maxRunning: 2, rate: .init(100, per: .seconds(60))))
public struct Limit: Sendable, Hashable {
  /// - `queue(String)`: all jobs of a queue.
  /// - `key(String)`: all jobs with this ``JobParameters/concurrencyKey``.
  /// - `keyPrefix(String)`: each concurrency key that begins so, on its own: one limit per tenant.
  ///
  /// Its description is for people: "queue mail", "key tenant-7", "keys tenant-*".
  public typealias Scope = Jobs.Limit.Scope

  /// At most `count` starts in any span of `period`, wherever it begins.
  public struct Rate: Sendable, Hashable {
    /// 1...1,000,000.
    public var count: Int
    /// 1 ms to 31 days.
    public var period: Duration

    public init(_ count: Int, per period: Duration) {
      self.count = count
      self.period = period
    }
  }

  public var scope: Scope
  /// So many run at once at most; `nil`: any number.
  public var maxRunning: Int?
  public var rate: Rate?
  /// So many are unfinished and not running at most: an enqueue past that gets ``GKickError/Code/limitReached``; `nil`: any number.
  public var maxWaiting: Int?

  /// One of the three must be given.
  public init(_ scope: Scope, maxRunning: Int? = nil, rate: Rate? = nil, maxWaiting: Int? = nil) {
    self.scope = scope
    self.maxRunning = maxRunning
    self.rate = rate
    self.maxWaiting = maxWaiting
  }
}

extension Limit {
  /// What is out of bounds stays so as far as it can be said, and is refused by the server.
  package var stored: Jobs.Limit {
    Jobs.Limit(
      scope, maxRunning: UInt32(clamping: maxRunning ?? 0),
      rate: rate.map { Jobs.Limit.Rate(count: UInt32(clamping: $0.count), period: $0.period.interval) },
      maxWaiting: UInt64(clamping: maxWaiting ?? 0))
  }

  package init(_ limit: Jobs.Limit) {
    self.init(
      limit.scope, maxRunning: limit.maxRunning == 0 ? nil : Int(limit.maxRunning),
      rate: limit.rate.map { Rate(Int($0.count), per: $0.period.duration) },
      maxWaiting: limit.maxWaiting == 0 ? nil : Int(clamping: limit.maxWaiting))
  }
}

/// A limit and its use now. For a prefix: the use of all its keys together.
public struct LimitStanding: Sendable, Hashable {
  public var limit: Limit
  public var running: Int
  /// Unfinished and not running.
  public var waiting: Int
  /// Ready ones that this limit does not let start now.
  public var heldBack: Int
  public var startedInPeriod: Int
  /// Of a prefix: how many keys have unfinished jobs.
  public var keys: Int
  /// Of a prefix: the key with most running, then most waiting; empty: there is none.
  public var busiestKey: String

  package init(_ view: LimitView) {
    limit = Limit(view.limit)
    running = Int(clamping: view.usage.running)
    waiting = Int(clamping: view.usage.waiting)
    heldBack = Int(clamping: view.usage.heldBack)
    startedInPeriod = Int(clamping: view.usage.startedInPeriod)
    keys = Int(clamping: view.usage.keys)
    busiestKey = view.usage.busiestKey
  }
}

/// The limits that a server has. Every method throws ``GKickError``.
public struct Limits: Sendable {
  let caller: Caller

  /// Queues first, then keys, then prefixes, by name.
  public func list() async throws -> [LimitStanding] {
    try await caller.pages("AdminService/ListLimits") {
      $0.encodeListLimitsRequest(pageSize: $2, pageToken: $1)
    } _: { codec, bytes throws(WireError) in
      try codec.decodeListLimitsResponse(bytes)
    }.map { LimitStanding($0) }
  }

  /// Sets a limit, in the place of the one of the same scope. It holds at once; lowering it stops nothing that runs.
  public func put(_ limit: Limit) async throws {
    for (name, value) in [
      ("maxRunning", limit.maxRunning), ("rate", limit.rate?.count), ("maxWaiting", limit.maxWaiting),
    ] {
      if let value, value < 1 { throw GKickError(.invalid, "\(name): \(value) is not 1 or more") }
    }
    try await caller.call("AdminService/PutLimit", mayRepeat: true) { $0.encodePutLimitRequest(limit.stored) }
  }

  /// - Throws: ``GKickError/Code/notFound`` when there is none.
  public func delete(_ scope: Limit.Scope) async throws {
    try await caller.call("AdminService/DeleteLimit") { $0.encodeDeleteLimitRequest(scope) }
  }
}

extension Client {
  /// How many jobs may run, start and wait.
  public var limits: Limits { Limits(caller: backend.caller) }
}

/// How many jobs may run, start and wait. Several may cover a job; it starts when all of them let it.
public struct Limit: Hashable, Sendable {
  public enum Scope: Hashable, Sendable {
    case queue(String)
    /// One concurrency key.
    case key(String)
    /// Each concurrency key that begins so, on its own.
    case keyPrefix(String)
  }
  /// At most `count` starts in any span of `period`, wherever it begins.
  public struct Rate: Hashable, Sendable {
    /// 1...1,000,000.
    public var count: UInt32
    /// 1 ms to 31 days.
    public var period: Interval

    public init(count: UInt32, period: Interval) {
      self.count = count
      self.period = period
    }
  }

  public var scope: Scope
  /// 0: no limit.
  public var maxRunning: UInt32
  public var rate: Rate?
  /// Unfinished and not running; 0: no limit.
  public var maxWaiting: UInt64

  public init(_ scope: Scope, maxRunning: UInt32 = 0, rate: Rate? = nil, maxWaiting: UInt64 = 0) {
    self.scope = scope
    self.maxRunning = maxRunning
    self.rate = rate
    self.maxWaiting = maxWaiting
  }

  public static let maxPerPeriod: UInt32 = 1_000_000
  public static let shortestPeriod = Interval.milliseconds(1)
  public static let longestPeriod = Interval.days(31)
}

extension Limit.Scope: Comparable, CustomStringConvertible {
  private var rank: UInt8 {
    switch self {
    case .queue: 0
    case .key: 1
    case .keyPrefix: 2
    }
  }

  /// The queue, the key or the prefix.
  public var text: String {
    switch self {
    case .queue(let text), .key(let text), .keyPrefix(let text): text
    }
  }

  /// Whether it is a queue of these. Keys have jobs of any queue: they are everybody's who may know of all.
  public func isOf(_ own: QueueScope?) -> Bool {
    if case .queue(let name) = self { own.covers(name) } else { own == nil }
  }

  /// Queues first, then keys, then prefixes, by name.
  public static func < (a: Self, b: Self) -> Bool { a.rank == b.rank ? a.text < b.text : a.rank < b.rank }

  /// For people: "queue mail", "key tenant-7", "keys tenant-*".
  public var description: String {
    switch self {
    case .queue(let name): "queue \(name)"
    case .key(let key): "key \(key)"
    case .keyPrefix(let prefix): "keys \(prefix)*"
    }
  }

  /// As a document's key or a page's token: "q:mail", "k:tenant-7", "p:tenant-".
  public var documentKey: String {
    switch self {
    case .queue(let name): "q:" + name
    case .key(let key): "k:" + key
    case .keyPrefix(let prefix): "p:" + prefix
    }
  }

  public init?(documentKey: String) {
    let text = String(documentKey.dropFirst(2))
    switch documentKey.prefix(2) {
    case "q:": self = .queue(text)
    case "k:": self = .key(text)
    case "p:": self = .keyPrefix(text)
    default: return nil
    }
  }
}

/// How a limit stands now. For a prefix: of all its keys together, and the busiest of them.
public struct LimitUsage: Hashable, Sendable {
  public var running: UInt64 = 0
  /// Unfinished and not running.
  public var waiting: UInt64 = 0
  /// Ready ones that this limit lets not start now.
  public var heldBack: UInt64 = 0
  public var startedInPeriod: UInt64 = 0
  /// Of a prefix: those that have unfinished jobs.
  public var keys: UInt64 = 0
  /// Of a prefix: the one with most running, then most waiting.
  public var busiestKey = ""

  public init() {}
}

public struct LimitView: Hashable, Sendable {
  public var limit: Limit
  public var usage: LimitUsage

  public init(limit: Limit, usage: LimitUsage) {
    self.limit = limit
    self.usage = usage
  }
}

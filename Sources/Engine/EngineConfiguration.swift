import Jobs

/// The engine's bounds and terms.
public struct EngineConfiguration: Sendable {
  public var serverID = ""
  /// A lease's length; any message from its worker renews it.
  public var lease: Interval = .seconds(30)
  /// How often a worker must send something, and gets something: a third of the lease, at most 10 s.
  public var heartbeat: Interval { Interval(microseconds: min(lease.microseconds / 3, 10_000_000)) }
  /// How long a worker may say nothing before its stream is ended. Its jobs go to others after one lease, and it is given none meanwhile;
  /// but one that is only starved of processor time is worse off with a new connection to make than with its old one.
  public var silence: Interval { lease + max(lease, .seconds(20)) }
  /// What an enqueue gets that does not say.
  public var durability: Durability = .synced
  /// Relaxed commits are synced within this.
  public var syncDelay: Interval = .milliseconds(500)
  /// A watcher without events hears of the cursor this often.
  public var eventHeartbeat: Interval = .seconds(5)
  /// Events kept in memory for watchers that keep up.
  public var eventsInMemory = 65_536
  /// Jobs assigned in one tick.
  public var claimsPerTick = 512
  /// The longest a Fetch waits.
  public var longestWait: Interval = .seconds(60)
  /// The longest resume window.
  public var longestResumeWindow: Interval = .minutes(10)
  /// The most jobs one worker holds, whatever it says.
  public var maxInFlight: UInt32 = 10_000
  /// Once one claim has given a stream so many bytes, it is given more when its loop says that they have left: who reads slowly does not
  /// have the server hold all that it has slots for.
  public var streamBytes = 1 << 20

  /// The bytes that the jobs of one Fetch may reach as messages: leaves room for what stands around them in its answer.
  static let fetchBytes = MessageSize.most - 1_024
  /// What anyone may ask for as a lease with Fetch.
  static let longestLease: Interval = .hours(24)

  public init() {}
}

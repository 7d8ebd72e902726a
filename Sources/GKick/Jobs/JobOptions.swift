#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif
public import Jobs

/// What one enqueue wants otherwise than the job's type says. What is `nil` is as the type says, or the server.
public struct JobOptions: Sendable {
  /// An id of one's own, up to 128 of `[A-Za-z0-9_.:-]`: enqueueing it twice stores one job, so it can be repeated without harm.
  public var id: String?
  public var queue: String?
  public var priority: Int?
  public var retry: RetryPolicy?
  public var timeout: Duration?
  /// Not started by then, the job expires.
  public var startBefore: Date?
  public var retention: Duration?
  public var unique: Uniqueness?
  public var concurrencyKey: String?
  public var fairnessKey: String?
  /// Ids of jobs that must have succeeded before, up to 100; see also ``Client/enqueue(_:after:_:onDependencyFailure:options:)``.
  public var dependsOn: [String] = []
  /// When one of them ends otherwise.
  public var onDependencyFailure = OnDependencyFailure.cancel
  /// The batch that it belongs to, see ``Batch``; a running job adds to its own by ``JobContext/batchID``.
  public var batchID: String?
  /// Travels with the job; up to 64 entries and 16 KiB.
  public var metadata: [String: String] = [:]
  /// How safe the job must be before the enqueue returns.
  public var durability: Durability?

  public init() {}

  public init(
    id: String? = nil, queue: String? = nil, priority: Int? = nil, retry: RetryPolicy? = nil, timeout: Duration? = nil,
    startBefore: Date? = nil, retention: Duration? = nil, unique: Uniqueness? = nil, concurrencyKey: String? = nil,
    fairnessKey: String? = nil, dependsOn: [String] = [],
    onDependencyFailure: OnDependencyFailure = .cancel, batchID: String? = nil, metadata: [String: String] = [:],
    durability: Durability? = nil
  ) {
    self.id = id
    self.queue = queue
    self.priority = priority
    self.retry = retry
    self.timeout = timeout
    self.startBefore = startBefore
    self.retention = retention
    self.unique = unique
    self.concurrencyKey = concurrencyKey
    self.fairnessKey = fairnessKey
    self.dependsOn = dependsOn
    self.onDependencyFailure = onDependencyFailure
    self.batchID = batchID
    self.metadata = metadata
    self.durability = durability
  }
}

/// How safe a job is when its enqueue has returned.
///
/// - `synced`: it survives a power failure.
/// - `relaxed`: it survives a crash of the server; it survives a power failure a second or so later.
public typealias Durability = Jobs.Durability

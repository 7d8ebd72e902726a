public import Jobs

/// Who the jobs are dealt to, slot by slot, in this order: for each slot the best ready job that its filter takes. So few jobs spread over
/// all workers, many fill all.
public struct Claim: Sendable {
  public struct Worker: Sendable {
    public var id: String
    /// When the leases given here end unless renewed.
    public var leaseUntil: Instant
    /// How long it may be away before its jobs go to others, also when it is the server that was; of one without a stream: its lease.
    public var resumeWindow: Interval
    /// Payload bytes it may still be given; `.max`: no limit. A job that does not fit ends the worker's turn in this claim,
    /// unless `holdsNothing` and it is the worker's first: one job is always allowed.
    public var byteBudget: Int
    /// Once it has been given so many bytes, the rest waits for a later claim.
    public var enough: Int
    public var holdsNothing: Bool

    public init(
      id: String, leaseUntil: Instant, resumeWindow: Interval = .zero, byteBudget: Int = .max, enough: Int = .max,
      holdsNothing: Bool = true
    ) {
      self.id = id
      self.leaseUntil = leaseUntil
      self.resumeWindow = resumeWindow
      self.byteBudget = byteBudget
      self.enough = enough
      self.holdsNothing = holdsNothing
    }
  }
  public struct Slot: Sendable {
    /// Index into `workers`.
    public var worker: Int32
    /// Index into `filters`.
    public var filter: Int32

    public init(worker: Int, filter: Int) {
      self.worker = Int32(worker)
      self.filter = Int32(filter)
    }
  }

  public var filters: [ClaimFilter] = []
  public var workers: [Worker] = []
  /// At most 512.
  public var slots: [Slot] = []

  public init() {}

  public init(filters: [ClaimFilter], workers: [Worker], slots: [Slot]) {
    self.filters = filters
    self.workers = workers
    self.slots = slots
  }
}

/// Why a filter was given no (more) jobs.
public enum Scarcity: Hashable, Sendable {
  /// It was given all that it has slots for: there may be more.
  case none
  /// Nothing that it takes is ready. It need not be tried again until something is (`takeReadied`).
  case nothingReady
  /// What it takes is held back; `takeReadied` tells when it is freed.
  case heldBack
}

public struct Dealt: Sendable {
  public var jobs: [ClaimedJob] = []
  /// Per filter of the claim.
  public var scarcity: [Scarcity]
  /// It ended early: rows are being read for the rest. To be claimed again when they are there.
  public var isStalled = false
  /// Workers of the claim that were given `enough`.
  public var sated: [Int] = []

  init(scarcity: [Scarcity]) { self.scarcity = scarcity }
}

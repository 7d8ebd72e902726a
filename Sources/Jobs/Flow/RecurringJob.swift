/// A job that is made again and again, at the times of its schedule.
public struct RecurringJob: Sendable {
  public enum Schedule: Sendable {
    /// Times of a calendar, in a time zone.
    case cron(Cron, TimeZoneRules)
    /// Counted from the call that put it. At least 100 ms.
    case every(Interval)

    /// The first time after `time`; `every` is counted from `anchor`.
    public func next(after time: Timestamp, anchor: Timestamp) -> Timestamp? {
      switch self {
      case .cron(let cron, let rules): return cron.next(after: time, in: rules)
      case .every(let interval):
        let steps = time < anchor ? 1 : (time - anchor).microseconds / interval.microseconds + 1
        let next = anchor.microseconds + steps * interval.microseconds
        return next > Timestamp.distantFuture.microseconds ? nil : Timestamp(microseconds: next)
      }
    }
  }
  /// What becomes of times that passed while no server was there. Raw values are those of `gkick.v1.MissedRuns`.
  public enum MissedRuns: UInt8, Sendable {
    /// One job for all of them, for the latest.
    case one = 1
    case skip = 2
    /// Each, the latest 1,000, oldest first.
    case all = 3
  }
  /// Raw values are those of `gkick.v1.Overlap`.
  public enum Overlap: UInt8, Sendable {
    case allow = 1
    /// No new job while the last one is unfinished.
    case skip = 2
  }

  public var id: String
  public var schedule: Schedule
  /// What is made; its id is empty.
  public var job: NewJob
  public var missedRuns: MissedRuns
  public var overlap: Overlap
  /// Times that pass meanwhile make no jobs, also later.
  public var isPaused: Bool

  public init(
    id: String, schedule: Schedule, job: NewJob, missedRuns: MissedRuns = .one, overlap: Overlap = .allow,
    isPaused: Bool = false
  ) {
    self.id = id
    self.schedule = schedule
    self.job = job
    self.missedRuns = missedRuns
    self.overlap = overlap
    self.isPaused = isPaused
  }

  public static let shortestInterval = Interval.milliseconds(100)
  public static let maxMissed = 1_000
}

/// All recurring jobs that one document asks for.
public struct RecurringDocument: Sendable {
  public struct Entry: Sendable {
    public var job: RecurringJob
    /// Whether it says that the job is paused or not; otherwise one that is there stays as it is, paused by hand or not.
    public var saysWhetherPaused: Bool

    public init(_ job: RecurringJob, saysWhetherPaused: Bool) {
      self.job = job
      self.saysWhetherPaused = saysWhetherPaused
    }
  }
  public var entries: [Entry]

  public init(entries: [Entry]) { self.entries = entries }
}

/// With what only the server knows.
public struct RecurringView: Sendable {
  public var job: RecurringJob
  /// nil: paused, or there is none.
  public var nextRunAt: Timestamp?
  /// The time that the latest job was made for.
  public var lastRunAt: Timestamp?

  public init(job: RecurringJob, nextRunAt: Timestamp?, lastRunAt: Timestamp?) {
    self.job = job
    self.nextRunAt = nextRunAt
    self.lastRunAt = lastRunAt
  }
}

public struct RecurringPage: Sendable {
  /// By id.
  public var jobs: [RecurringView]
  /// The id after which the next page begins; nil: this was the last.
  public var next: String?

  public init(jobs: [RecurringView], next: String?) {
    self.jobs = jobs
    self.next = next
  }
}

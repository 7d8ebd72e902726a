#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif
public import Jobs
import Wire

/// A job that is made again and again, at the times of a calendar or every so often. Each time makes one job, whatever crashes or restarts.
///
///     try await client.recurring.put(
///       RecurringJob("nightly", .cron("0 3 * * *", timeZone: "Europe/Berlin"), MakeReport(of: "yesterday")))
public struct RecurringJob: Sendable {
  public enum Schedule: Sendable, Hashable {
    /// 5 fields, or 6 with seconds first, or `@hourly` and friends, in an IANA time zone.
    case cron(String, timeZone: String = "UTC")
    /// Counted from when it was put; at least 100 ms.
    case every(Duration)
  }

  /// What becomes of times that pass while no server is there: `one` job for all of them, for the latest; `skip`; or `all`: each,
  /// the latest 1,000, oldest first.
  public typealias MissedRuns = Jobs.RecurringJob.MissedRuns

  /// `skip`: no new job while the last one is unfinished; or `allow`.
  public typealias Overlap = Jobs.RecurringJob.Overlap

  /// As a job's id.
  public var id: String
  public var schedule: Schedule
  public var missedRuns: MissedRuns
  public var overlap: Overlap
  /// Times that pass meanwhile make no jobs, also later.
  public var isPaused: Bool
  /// When the next job is made, as the server says; `nil` while paused.
  public package(set) var nextRunAt: Date?
  /// The time that the latest job was made for, as the server says.
  public package(set) var lastRunAt: Date?
  /// What is made.
  package var request: JobRequest

  /// - Parameters:
  ///   - id: up to 128 of `[A-Za-z0-9_.:-]`; the jobs' ids begin with it.
  ///   - job: what is made each time.
  ///   - options: its `id` must be `nil`.
  /// - Throws: what encoding the parameters throws.
  public init<Parameters: JobParameters>(
    _ id: String, _ schedule: Schedule, _ job: Parameters, options: JobOptions = JobOptions(),
    missedRuns: MissedRuns = .one, overlap: Overlap = .allow, isPaused: Bool = false
  ) throws {
    self.init(
      id: id, schedule: schedule, request: try JobRequest(job, options: options, when: .now),
      missedRuns: missedRuns, overlap: overlap, isPaused: isPaused)
  }

  /// A recurring job that this program has no type for.
  public init(
    _ id: String, _ schedule: Schedule, untyped job: UntypedJob, options: JobOptions = JobOptions(),
    missedRuns: MissedRuns = .one, overlap: Overlap = .allow, isPaused: Bool = false
  ) {
    self.init(
      id: id, schedule: schedule, request: JobRequest(job, options: options, when: .now),
      missedRuns: missedRuns, overlap: overlap, isPaused: isPaused)
  }

  package init(
    id: String, schedule: Schedule, request: JobRequest, missedRuns: MissedRuns, overlap: Overlap, isPaused: Bool
  ) {
    self.id = id
    self.schedule = schedule
    self.request = request
    self.missedRuns = missedRuns
    self.overlap = overlap
    self.isPaused = isPaused
  }

  /// The name of the jobs that are made.
  public var name: String { request.name }
  public var queue: String { request.queue }
  public var payload: [UInt8] { request.payload }

  /// The parameters of the jobs that are made.
  public func parameters<Parameters: JobParameters>(as type: Parameters.Type) throws -> Parameters {
    try Parameters.codec.decode(type, from: payload)
  }

  /// Whether a server that has `other` would make the same jobs at the same times; pausing is not looked at.
  package func isLike(_ other: RecurringJob) -> Bool {
    func filled(_ job: RecurringJob) -> JobRequest {
      var request = job.request
      request.retry = request.retry ?? .default
      return request
    }
    return id == other.id && schedule.named == other.schedule.named && missedRuns == other.missedRuns
      && overlap == other.overlap && filled(self) == filled(other)
  }
}

extension RecurringJob.Schedule {
  fileprivate var named: Self {
    if case .cron(let text, let zone) = self { return .cron(text, timeZone: zone.isEmpty ? "UTC" : zone) }
    return self
  }
}

/// The recurring jobs that a server has. Every method throws ``GKickError``.
public struct RecurringJobs: Sendable {
  let caller: Caller

  /// By id.
  public func list() async throws -> [RecurringJob] {
    try await caller.pages("AdminService/ListRecurringJobs") {
      $0.encodeListRecurringJobsRequest(pageSize: $2, pageToken: $1)
    } _: { codec, bytes throws(WireError) in
      try codec.decodeListRecurringJobsResponse(bytes)
    }.map { RecurringJob($0) }
  }

  /// - Throws: ``GKickError/Code/notFound`` when there is none.
  public func job(_ id: String) async throws -> RecurringJob {
    guard let job = try await list().first(where: { $0.id == id }) else {
      throw GKickError(.notFound, "no recurring job \(id)")
    }
    return job
  }

  /// Makes a recurring job, or puts it in the place of the one with the same id: an `every` is counted from now on then.
  /// - Returns: as the server has it, with its next time.
  @discardableResult
  public func put(_ job: RecurringJob) async throws -> RecurringJob {
    let order = RecurringOrder(job)
    return RecurringJob(
      try await caller.call("AdminService/PutRecurringJob", mayRepeat: true) {
        $0.encodePutRecurringJobRequest(order)
      } _: { codec, bytes throws(WireError) in
        try codec.decodePutRecurringJobResponse(bytes)
      })
  }

  /// The jobs that it made stay.
  public func delete(_ id: String) async throws {
    try await caller.call("AdminService/DeleteRecurringJob") { $0.encodeRecurringIDRequest(id) }
  }

  /// Makes one job now, also when paused or overlapping.
  /// - Returns: the job's id.
  @discardableResult
  public func trigger(_ id: String) async throws -> String {
    try await caller.call("AdminService/TriggerRecurringJob") {
      $0.encodeRecurringIDRequest(id)
    } _: { codec, bytes throws(WireError) in
      try codec.decodeTriggerResponse(bytes)
    }
  }

  /// Makes none for now; times that pass meanwhile are not made up for.
  @discardableResult
  public func pause(_ id: String) async throws -> RecurringJob { try await set(id, isPaused: true) }

  /// Lets a paused one go on; an `every` is counted from now on.
  @discardableResult
  public func resume(_ id: String) async throws -> RecurringJob { try await set(id, isPaused: false) }

  private func set(_ id: String, isPaused: Bool) async throws -> RecurringJob {
    var job = try await job(id)
    guard job.isPaused != isPaused else { return job }
    job.isPaused = isPaused
    return try await put(job)
  }

  /// The times of a schedule, without putting it.
  /// - Parameters:
  ///   - count: at most 1,000.
  ///   - after: times are later than it; `nil`: now.
  public func times(of schedule: RecurringJob.Schedule, count: Int = 10, after: Date? = nil) async throws -> [Date] {
    guard count > 0 else { return [] }
    let order = RecurringOrder("", schedule)
    return try await caller.call("AdminService/PreviewRecurringJob", mayRepeat: true) {
      $0.encodePreviewRequest(order, after: after?.timestamp, count: UInt32(clamping: count))
    } _: { codec, bytes throws(WireError) in
      try codec.decodePreviewResponse(bytes)
    }.map { Date($0) }
  }

  /// Sees to it that the server has these jobs as they are said here. What is so already is left alone, so that an `every` is counted on and
  /// what an operator has paused stays paused.
  package func declare(_ jobs: [RecurringJob]) async throws {
    let known = Dictionary(try await list().map { ($0.id, $0) }) { first, _ in first }
    for var job in jobs {
      if let there = known[job.id] {
        if job.isLike(there) { continue }
        job.isPaused = there.isPaused
      }
      try await put(job)
    }
  }
}

extension Client {
  /// Jobs that are made again and again.
  public var recurring: RecurringJobs { RecurringJobs(caller: backend.caller) }
}

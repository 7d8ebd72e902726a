import CProtobufC
import GKickProtos
public import Jobs

/// Recurring jobs, as the server sees them.
extension Codec {
  public func decodePutRecurringJobRequest(_ bytes: RawSpan, now: Timestamp) throws(WireError) -> RecurringJob {
    let message = unsafe try open(bytes, gkick__v1__put_recurring_job_request__unpack)
    guard let given = unsafe message.pointee.recurring_job else { throw WireError("recurring_job", "required") }
    let id = unsafe try required(given.pointee.id, "recurring_job.id")
    let schedule = unsafe try schedule(given, now: now)
    guard let spec = unsafe given.pointee.job else { throw WireError("recurring_job.job", "required") }
    guard unsafe isEmpty(spec.pointee.id) else { throw WireError("recurring_job.job.id", "must be empty") }
    return RecurringJob(
      id: id, schedule: schedule, job: unsafe try newJob(spec, runAt: nil),
      missedRuns: unsafe try choice(
        given.pointee.missed_runs.rawValue, "recurring_job.missed_runs", as: RecurringJob.MissedRuns.self) ?? .one,
      overlap: unsafe try choice(
        given.pointee.overlap.rawValue, "recurring_job.overlap", as: RecurringJob.Overlap.self) ?? .allow,
      isPaused: unsafe given.pointee.paused != 0)
  }

  private func schedule(
    _ given: UnsafeMutablePointer<Gkick__V1__RecurringJob>, now: Timestamp
  ) throws(WireError) -> RecurringJob.Schedule {
    let expression = unsafe try text(given.pointee.cron, "recurring_job.cron", max: 1_024)
    let every = unsafe try interval(given.pointee.every, "recurring_job.every", least: RecurringJob.shortestInterval)
    let name = unsafe try text(given.pointee.time_zone, "recurring_job.time_zone", max: 128)
    let rules = try zone(name)
    if let every {
      guard expression.isEmpty else { throw WireError("recurring_job.every", "either this or cron") }
      return .every(every)
    }
    guard !expression.isEmpty else { throw WireError("recurring_job.cron", "required, or every") }
    let cron: Cron
    do {
      cron = try Cron(expression)
    } catch {
      throw WireError("recurring_job.cron", error.message)
    }
    guard cron.next(after: now, in: rules) != nil else {
      throw WireError("recurring_job.cron", "such a time never comes")
    }
    return .cron(cron, rules)
  }

  private func zone(_ name: String) throws(WireError) -> TimeZoneRules {
    if name.isEmpty { return .utc }
    if let rules = zones.rules(name) { return rules }
    throw WireError("recurring_job.time_zone", zones.lack ?? "no time zone \"\(name)\" is known here")
  }

  public func decodeListRecurringJobsRequest(
    _ bytes: RawSpan
  ) throws(WireError) -> (limit: Int, after: String?) {
    let message = unsafe try open(bytes, gkick__v1__list_recurring_jobs_request__unpack)
    let token = unsafe try identifier(message.pointee.page_token, "page_token")
    return (Self.pageSize(unsafe message.pointee.page_size), token.isEmpty ? nil : token)
  }

  /// DeleteRecurringJob and TriggerRecurringJob: the id is their only field.
  public func decodeRecurringIDRequest(_ bytes: RawSpan) throws(WireError) -> String {
    let message = unsafe try open(bytes, gkick__v1__delete_recurring_job_request__unpack)
    return unsafe try required(message.pointee.id, "id")
  }

  /// The first second that a protobuf Timestamp can say.
  private static let firstYear = Timestamp(seconds: -62_135_596_800)

  public func decodePreviewRequest(
    _ bytes: RawSpan, now: Timestamp
  ) throws(WireError) -> (schedule: RecurringJob.Schedule, after: Timestamp, count: Int) {
    let message = unsafe try open(bytes, gkick__v1__preview_recurring_job_request__unpack)
    guard let given = unsafe message.pointee.recurring_job else { throw WireError("recurring_job", "required") }
    // More is taken as the most.
    let count = unsafe min(message.pointee.count, 1_000)
    let after = unsafe try timestamp(message.pointee.after, "after", earliest: Self.firstYear) ?? now
    return (unsafe try schedule(given, now: now), after, count == 0 ? 10 : Int(count))
  }

  public func encodePutRecurringJobResponse(_ view: RecurringView) -> Int {
    begin()
    let message = unsafe arena.make(gkick__v1__put_recurring_job_response__init)
    unsafe message.pointee.recurring_job = recurring(view)
    return unsafe finish(message)
  }

  public func encodeListRecurringJobsResponse(_ page: RecurringPage) -> Int {
    begin()
    let message = unsafe arena.make(gkick__v1__list_recurring_jobs_response__init)
    unsafe message.pointee.n_recurring_jobs = page.jobs.count
    unsafe message.pointee.recurring_jobs = arena.array(page.jobs.count) { unsafe recurring(page.jobs[$0]) }
    unsafe message.pointee.next_page_token = arena.copy(page.next ?? "")
    return unsafe finish(message)
  }

  public func encodeTriggerResponse(jobID: String) -> Int {
    begin()
    let message = unsafe arena.make(gkick__v1__trigger_recurring_job_response__init)
    unsafe message.pointee.job_id = arena.copy(jobID)
    return unsafe finish(message)
  }

  public func encodePreviewResponse(_ times: [Timestamp]) -> Int {
    begin()
    let message = unsafe arena.make(gkick__v1__preview_recurring_job_response__init)
    unsafe message.pointee.n_times = times.count
    unsafe message.pointee.times = arena.array(times.count) { unsafe timestamp(times[$0]) }
    return unsafe finish(message)
  }

  private func recurring(_ view: RecurringView) -> UnsafeMutablePointer<Gkick__V1__RecurringJob> {
    let message = unsafe arena.make(gkick__v1__recurring_job__init)
    unsafe message.pointee.id = arena.copy(view.job.id)
    switch view.job.schedule {
    case .cron(let cron, let rules):
      unsafe message.pointee.cron = arena.copy(cron.text)
      unsafe message.pointee.time_zone = arena.copy(rules.name)
    case .every(let interval): unsafe message.pointee.every = duration(interval)
    }
    unsafe message.pointee.job = spec(view.job.job)
    unsafe message.pointee.missed_runs = Gkick__V1__MissedRuns(rawValue: UInt32(view.job.missedRuns.rawValue))
    unsafe message.pointee.overlap = Gkick__V1__Overlap(rawValue: UInt32(view.job.overlap.rawValue))
    unsafe message.pointee.paused = view.job.isPaused ? 1 : 0
    unsafe message.pointee.next_run_at = timestamp(view.nextRunAt)
    unsafe message.pointee.last_run_at = timestamp(view.lastRunAt)
    return unsafe message
  }

  // MARK: As an operator sees them

  public func encodePutRecurringJobRequest(_ order: RecurringOrder) -> Int {
    begin()
    let message = unsafe arena.make(gkick__v1__put_recurring_job_request__init)
    unsafe message.pointee.recurring_job = self.order(order)
    return unsafe finish(message)
  }

  private func order(_ order: RecurringOrder) -> UnsafeMutablePointer<Gkick__V1__RecurringJob> {
    let message = unsafe arena.make(gkick__v1__recurring_job__init)
    unsafe message.pointee.id = arena.copy(order.id)
    unsafe message.pointee.cron = arena.copy(order.cron)
    unsafe message.pointee.every = duration(order.every)
    unsafe message.pointee.time_zone = arena.copy(order.timeZone)
    unsafe message.pointee.job = order.job.map { unsafe spec($0) }
    unsafe message.pointee.missed_runs = Gkick__V1__MissedRuns(rawValue: UInt32(order.missedRuns?.rawValue ?? 0))
    unsafe message.pointee.overlap = Gkick__V1__Overlap(rawValue: UInt32(order.overlap?.rawValue ?? 0))
    unsafe message.pointee.paused = order.isPaused ? 1 : 0
    return unsafe message
  }

  public func encodeListRecurringJobsRequest(pageSize: UInt32 = 0, pageToken: String = "") -> Int {
    begin()
    let message = unsafe arena.make(gkick__v1__list_recurring_jobs_request__init)
    unsafe message.pointee.page_size = pageSize
    unsafe message.pointee.page_token = arena.copy(pageToken)
    return unsafe finish(message)
  }

  /// DeleteRecurringJob and TriggerRecurringJob.
  public func encodeRecurringIDRequest(_ id: String) -> Int {
    begin()
    let message = unsafe arena.make(gkick__v1__delete_recurring_job_request__init)
    unsafe message.pointee.id = arena.copy(id)
    return unsafe finish(message)
  }

  public func encodePreviewRequest(_ order: RecurringOrder, after: Timestamp?, count: UInt32) -> Int {
    begin()
    let message = unsafe arena.make(gkick__v1__preview_recurring_job_request__init)
    unsafe message.pointee.recurring_job = self.order(order)
    unsafe message.pointee.after = timestamp(after)
    unsafe message.pointee.count = count
    return unsafe finish(message)
  }

  public func decodePutRecurringJobResponse(_ bytes: RawSpan) throws(WireError) -> RecurringOrder {
    let message = unsafe try open(bytes, gkick__v1__put_recurring_job_response__unpack)
    guard let given = unsafe message.pointee.recurring_job else { throw WireError("recurring_job", "not set") }
    return unsafe try order(given)
  }

  public func decodeListRecurringJobsResponse(
    _ bytes: RawSpan
  ) throws(WireError) -> (jobs: [RecurringOrder], next: String) {
    let message = unsafe try open(bytes, gkick__v1__list_recurring_jobs_response__unpack)
    var found: [RecurringOrder] = []
    for index in 0..<(unsafe message.pointee.n_recurring_jobs) {
      // There are n_recurring_jobs of them, and none is nil.
      found.append(unsafe try order(message.pointee.recurring_jobs[index]!))
    }
    return (found, unsafe try text(message.pointee.next_page_token, "next_page_token", max: .max))
  }

  private func order(_ given: UnsafeMutablePointer<Gkick__V1__RecurringJob>) throws(WireError) -> RecurringOrder {
    var order = RecurringOrder(id: unsafe try text(given.pointee.id, "recurring_job.id", max: .max))
    order.cron = unsafe try text(given.pointee.cron, "recurring_job.cron", max: .max)
    order.every = unsafe try interval(given.pointee.every, "recurring_job.every")
    order.timeZone = unsafe try text(given.pointee.time_zone, "recurring_job.time_zone", max: .max)
    if unsafe given.pointee.job != nil { order.job = unsafe try shown(given.pointee.job) }
    order.missedRuns = unsafe try choice(
      given.pointee.missed_runs.rawValue, "recurring_job.missed_runs", as: RecurringJob.MissedRuns.self)
    order.overlap = unsafe try choice(
      given.pointee.overlap.rawValue, "recurring_job.overlap", as: RecurringJob.Overlap.self)
    order.isPaused = unsafe given.pointee.paused != 0
    order.nextRunAt = unsafe try timestamp(given.pointee.next_run_at, "recurring_job.next_run_at")
    order.lastRunAt = unsafe try timestamp(given.pointee.last_run_at, "recurring_job.last_run_at")
    return order
  }

  public func decodeTriggerResponse(_ bytes: RawSpan) throws(WireError) -> String {
    let message = unsafe try open(bytes, gkick__v1__trigger_recurring_job_response__unpack)
    return unsafe try text(message.pointee.job_id, "job_id", max: .max)
  }

  public func decodePreviewResponse(_ bytes: RawSpan) throws(WireError) -> [Timestamp] {
    let message = unsafe try open(bytes, gkick__v1__preview_recurring_job_response__unpack)
    var times: [Timestamp] = []
    for index in 0..<(unsafe message.pointee.n_times) {
      // There are n_times of them.
      if let time = unsafe try timestamp(message.pointee.times[index], "times") { times.append(time) }
    }
    return times
  }
}

/// What an operator asks of a recurring job, and how a server shows one.
public struct RecurringOrder: Hashable, Sendable {
  public var id: String
  /// Empty: `every` says when.
  public var cron = ""
  public var every: Interval?
  /// Empty: UTC.
  public var timeZone = ""
  public var job: JobSpec?
  public var missedRuns: RecurringJob.MissedRuns?
  public var overlap: RecurringJob.Overlap?
  public var isPaused = false
  /// Only as shown.
  public var nextRunAt: Timestamp?
  public var lastRunAt: Timestamp?

  public init(id: String) { self.id = id }
}

import GKickProtos
public import Jobs

/// Recurring jobs, as the server sees them.
extension Codec {
  public func decodePutRecurringJobRequest(_ bytes: RawSpan, now: Timestamp) throws(WireError) -> RecurringJob {
    let message = try open(bytes, as: Proto.PutRecurringJobRequest.self)
    guard let given = message.recurringJob else { throw WireError("recurring_job", "required") }
    let id = try required(given.id, "recurring_job.id")
    let schedule = try schedule(given, now: now)
    guard let spec = given.job else { throw WireError("recurring_job.job", "required") }
    guard isEmpty(spec.id) else { throw WireError("recurring_job.job.id", "must be empty") }
    return RecurringJob(
      id: id, schedule: schedule, job: try newJob(spec, runAt: nil),
      missedRuns: try choice(
        given.missedRuns.rawValue, "recurring_job.missed_runs", as: RecurringJob.MissedRuns.self) ?? .one,
      overlap: try choice(
        given.overlap.rawValue, "recurring_job.overlap", as: RecurringJob.Overlap.self) ?? .allow,
      isPaused: given.paused)
  }

  private func schedule(
    _ given: Proto.RecurringJob, now: Timestamp
  ) throws(WireError) -> RecurringJob.Schedule {
    let expression = try text(given.cron, "recurring_job.cron", max: 1_024)
    let every = try interval(given.every, "recurring_job.every", least: RecurringJob.shortestInterval)
    let name = try text(given.timeZone, "recurring_job.time_zone", max: 128)
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
    let message = try open(bytes, as: Proto.ListRecurringJobsRequest.self)
    let token = try identifier(message.pageToken, "page_token")
    return (Self.pageSize(message.pageSize), token.isEmpty ? nil : token)
  }

  /// DeleteRecurringJob and TriggerRecurringJob: the id is their only field.
  public func decodeRecurringIDRequest(_ bytes: RawSpan) throws(WireError) -> String {
    let message = try open(bytes, as: Proto.DeleteRecurringJobRequest.self)
    return try required(message.id, "id")
  }

  /// The first second that a protobuf Timestamp can say.
  private static let firstYear = Timestamp(seconds: -62_135_596_800)

  public func decodePreviewRequest(
    _ bytes: RawSpan, now: Timestamp
  ) throws(WireError) -> (schedule: RecurringJob.Schedule, after: Timestamp, count: Int) {
    let message = try open(bytes, as: Proto.PreviewRecurringJobRequest.self)
    guard let given = message.recurringJob else { throw WireError("recurring_job", "required") }
    // More is taken as the most.
    let count = min(message.count, 1_000)
    let after = try timestamp(message.after, "after", earliest: Self.firstYear) ?? now
    return (try schedule(given, now: now), after, count == 0 ? 10 : Int(count))
  }

  public func encodePutRecurringJobResponse(_ view: RecurringView) -> Int {
    begin()
    let message = Proto.PutRecurringJobResponse(in: arena)
    message.recurringJob = recurring(view)
    return finish(message)
  }

  public func encodeListRecurringJobsResponse(_ page: RecurringPage) -> Int {
    begin()
    let message = Proto.ListRecurringJobsResponse(in: arena)
    message.recurringJobs = arena.array(page.jobs.count) { recurring(page.jobs[$0]) }
    message.nextPageToken = arena.copy(page.next ?? "")
    return finish(message)
  }

  public func encodeTriggerResponse(jobID: String) -> Int {
    begin()
    let message = Proto.TriggerRecurringJobResponse(in: arena)
    message.jobID = arena.copy(jobID)
    return finish(message)
  }

  public func encodePreviewResponse(_ times: [Timestamp]) -> Int {
    begin()
    let message = Proto.PreviewRecurringJobResponse(in: arena)
    message.times = arena.array(times.count) { timestamp(times[$0]) }
    return finish(message)
  }

  private func recurring(_ view: RecurringView) -> Proto.RecurringJob {
    let message = Proto.RecurringJob(in: arena)
    message.id = arena.copy(view.job.id)
    switch view.job.schedule {
    case .cron(let cron, let rules):
      message.cron = arena.copy(cron.text)
      message.timeZone = arena.copy(rules.name)
    case .every(let interval): message.every = duration(interval)
    }
    message.job = spec(view.job.job)
    message.missedRuns = Gkick__V1__MissedRuns(rawValue: UInt32(view.job.missedRuns.rawValue))
    message.overlap = Gkick__V1__Overlap(rawValue: UInt32(view.job.overlap.rawValue))
    message.paused = view.job.isPaused
    message.nextRunAt = timestamp(view.nextRunAt)
    message.lastRunAt = timestamp(view.lastRunAt)
    return message
  }

  // MARK: As an operator sees them

  public func encodePutRecurringJobRequest(_ order: RecurringOrder) -> Int {
    begin()
    let message = Proto.PutRecurringJobRequest(in: arena)
    message.recurringJob = self.order(order)
    return finish(message)
  }

  private func order(_ order: RecurringOrder) -> Proto.RecurringJob {
    let message = Proto.RecurringJob(in: arena)
    message.id = arena.copy(order.id)
    message.cron = arena.copy(order.cron)
    message.every = duration(order.every)
    message.timeZone = arena.copy(order.timeZone)
    message.job = order.job.map { spec($0) }
    message.missedRuns = Gkick__V1__MissedRuns(rawValue: UInt32(order.missedRuns?.rawValue ?? 0))
    message.overlap = Gkick__V1__Overlap(rawValue: UInt32(order.overlap?.rawValue ?? 0))
    message.paused = order.isPaused
    return message
  }

  public func encodeListRecurringJobsRequest(pageSize: UInt32 = 0, pageToken: String = "") -> Int {
    begin()
    let message = Proto.ListRecurringJobsRequest(in: arena)
    message.pageSize = pageSize
    message.pageToken = arena.copy(pageToken)
    return finish(message)
  }

  /// DeleteRecurringJob and TriggerRecurringJob.
  public func encodeRecurringIDRequest(_ id: String) -> Int {
    begin()
    let message = Proto.DeleteRecurringJobRequest(in: arena)
    message.id = arena.copy(id)
    return finish(message)
  }

  public func encodePreviewRequest(_ order: RecurringOrder, after: Timestamp?, count: UInt32) -> Int {
    begin()
    let message = Proto.PreviewRecurringJobRequest(in: arena)
    message.recurringJob = self.order(order)
    message.after = timestamp(after)
    message.count = count
    return finish(message)
  }

  public func decodePutRecurringJobResponse(_ bytes: RawSpan) throws(WireError) -> RecurringOrder {
    let message = try open(bytes, as: Proto.PutRecurringJobResponse.self)
    guard let given = message.recurringJob else { throw WireError("recurring_job", "not set") }
    return try order(given)
  }

  public func decodeListRecurringJobsResponse(
    _ bytes: RawSpan
  ) throws(WireError) -> (jobs: [RecurringOrder], next: String) {
    let message = try open(bytes, as: Proto.ListRecurringJobsResponse.self)
    var found: [RecurringOrder] = []
    for given in message.recurringJobs {
      found.append(try order(given))
    }
    return (found, try text(message.nextPageToken, "next_page_token", max: .max))
  }

  private func order(_ given: Proto.RecurringJob) throws(WireError) -> RecurringOrder {
    var order = RecurringOrder(id: try text(given.id, "recurring_job.id", max: .max))
    order.cron = try text(given.cron, "recurring_job.cron", max: .max)
    order.every = try interval(given.every, "recurring_job.every")
    order.timeZone = try text(given.timeZone, "recurring_job.time_zone", max: .max)
    if given.job != nil { order.job = try shown(given.job) }
    order.missedRuns = try choice(
      given.missedRuns.rawValue, "recurring_job.missed_runs", as: RecurringJob.MissedRuns.self)
    order.overlap = try choice(given.overlap.rawValue, "recurring_job.overlap", as: RecurringJob.Overlap.self)
    order.isPaused = given.paused
    order.nextRunAt = try timestamp(given.nextRunAt, "recurring_job.next_run_at")
    order.lastRunAt = try timestamp(given.lastRunAt, "recurring_job.last_run_at")
    return order
  }

  public func decodeTriggerResponse(_ bytes: RawSpan) throws(WireError) -> String {
    let message = try open(bytes, as: Proto.TriggerRecurringJobResponse.self)
    return try text(message.jobID, "job_id", max: .max)
  }

  public func decodePreviewResponse(_ bytes: RawSpan) throws(WireError) -> [Timestamp] {
    let message = try open(bytes, as: Proto.PreviewRecurringJobResponse.self)
    var times: [Timestamp] = []
    for time in message.times {
      if let time = try timestamp(time, "times") { times.append(time) }
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

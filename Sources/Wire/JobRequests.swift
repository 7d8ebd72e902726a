public import Jobs

/// The requests about one job: GetJob, WaitJob, DeleteJob, ExplainJob (job_id alone), CancelJob, RetryJob.
extension Codec {
  /// Any of the requests whose only field is `job_id`.
  public func decodeJobIDRequest(_ bytes: RawSpan) throws(WireError) -> String {
    let message = try open(bytes, as: Proto.GetJobRequest.self)
    return try required(message.jobID, "job_id")
  }

  public func decodeCancelJobRequest(
    _ bytes: RawSpan
  ) throws(WireError) -> (jobID: String, reason: String) {
    let message = try open(bytes, as: Proto.CancelJobRequest.self)
    return (
      try required(message.jobID, "job_id"),
      try text(message.reason, "reason", max: Bounds.reason)
    )
  }

  public func decodeRetryJobRequest(
    _ bytes: RawSpan
  ) throws(WireError) -> (jobID: String, resetAttempts: Bool) {
    let message = try open(bytes, as: Proto.RetryJobRequest.self)
    return (
      try required(message.jobID, "job_id"),
      message.resetAttempts
    )
  }

  /// The page token is the query's `before` in decimal.
  public func decodeListJobsRequest(_ bytes: RawSpan) throws(WireError) -> JobQuery {
    let message = try open(bytes, as: Proto.ListJobsRequest.self)
    var query = JobQuery()
    query.queue = try identifier(message.queue, "queue")
    query.states = try choices(message.states, "states", as: JobState.self)
    query.name = try text(message.name, "name", max: Bounds.name)
    query.batchID = try identifier(message.batchID, "batch_id")
    query.concurrencyKey = try text(message.concurrencyKey, "concurrency_key", max: Bounds.key)
    query.fairnessKey = try text(message.fairnessKey, "fairness_key", max: Bounds.key)
    query.recurringJobID = try identifier(message.recurringJobID, "recurring_job_id")
    query.limit = Codec.pageSize(message.pageSize, default: 100, most: Bounds.page)
    let token = try text(message.pageToken, "page_token", max: 32)
    if !token.isEmpty {
      guard let before = Codec.number(token) else {
        throw WireError("page_token", "not one that this server gave")
      }
      query.before = before
    }
    return query
  }

  /// More than the most is taken as the most.
  static func pageSize(_ asked: UInt32, default given: UInt32, most: UInt32) -> Int {
    Int(asked == 0 ? given : min(asked, most))
  }

  /// Canonical decimal digits only, so that every place has one spelling.
  static func number(_ text: String) -> Int64? {
    guard let value = Int64(text), value >= 0, String(value) == text else { return nil }
    return value
  }
}

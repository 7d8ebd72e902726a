import CProtobufC
import GKickProtos
public import Jobs

/// The requests about one job: GetJob, WaitJob, DeleteJob, ExplainJob (job_id alone), CancelJob, RetryJob.
extension Codec {
  /// Any of the requests whose only field is `job_id`.
  public func decodeJobIDRequest(_ bytes: RawSpan) throws(WireError) -> String {
    let message = unsafe try open(bytes, gkick__v1__get_job_request__unpack)
    return unsafe try required(message.pointee.job_id, "job_id")
  }

  public func decodeCancelJobRequest(
    _ bytes: RawSpan
  ) throws(WireError) -> (jobID: String, reason: String) {
    let message = unsafe try open(bytes, gkick__v1__cancel_job_request__unpack)
    return (
      unsafe try required(message.pointee.job_id, "job_id"),
      unsafe try text(message.pointee.reason, "reason", max: Bounds.reason)
    )
  }

  public func decodeRetryJobRequest(
    _ bytes: RawSpan
  ) throws(WireError) -> (jobID: String, resetAttempts: Bool) {
    let message = unsafe try open(bytes, gkick__v1__retry_job_request__unpack)
    return (
      unsafe try required(message.pointee.job_id, "job_id"),
      unsafe message.pointee.reset_attempts != 0
    )
  }

  /// The page token is the query's `before` in decimal.
  public func decodeListJobsRequest(_ bytes: RawSpan) throws(WireError) -> JobQuery {
    let message = unsafe try open(bytes, gkick__v1__list_jobs_request__unpack)
    var query = JobQuery()
    query.queue = unsafe try identifier(message.pointee.queue, "queue")
    query.states = unsafe try choices(
      message.pointee.states, message.pointee.n_states, "states", as: JobState.self)
    query.name = unsafe try text(message.pointee.name, "name", max: Bounds.name)
    query.batchID = unsafe try identifier(message.pointee.batch_id, "batch_id")
    query.concurrencyKey = unsafe try text(message.pointee.concurrency_key, "concurrency_key", max: Bounds.key)
    query.fairnessKey = unsafe try text(message.pointee.fairness_key, "fairness_key", max: Bounds.key)
    query.recurringJobID = unsafe try identifier(message.pointee.recurring_job_id, "recurring_job_id")
    query.limit = unsafe Codec.pageSize(message.pointee.page_size, default: 100, most: Bounds.page)
    let token = unsafe try text(message.pointee.page_token, "page_token", max: 32)
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

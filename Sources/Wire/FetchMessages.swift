import CProtobufC
import GKickProtos
public import Jobs

/// The requests of workers without a stream.
extension Codec {
  public func decodeFetchRequest(_ bytes: RawSpan) throws(WireError) -> Fetch {
    let message = unsafe try open(bytes, gkick__v1__fetch_request__unpack)
    let worker = unsafe try text(message.pointee.worker_id, "worker_id", max: Bounds.id)
    guard !worker.isEmpty else { throw WireError("worker_id", "required") }
    let jobs = unsafe message.pointee.max_jobs
    guard jobs <= Bounds.fetch else { throw WireError("max_jobs", "at most \(Bounds.fetch)") }
    return Fetch(
      workerID: worker,
      subscriptions: unsafe try subscriptions(
        message.pointee.queues, message.pointee.n_queues, "queues"),
      names: unsafe try texts(
        message.pointee.names, message.pointee.n_names, "names", max: Bounds.names),
      maxJobs: max(1, jobs),
      maxWait: unsafe try interval(message.pointee.max_wait, "max_wait") ?? .zero,
      lease: unsafe try interval(
        message.pointee.lease, "lease", allowingZero: false, most: .hours(24)))
  }

  public func decodeReportRequest(_ bytes: RawSpan) throws(WireError) -> Report {
    let message = unsafe try open(bytes, gkick__v1__report_request__unpack)
    return Report(
      workerID: unsafe try text(message.pointee.worker_id, "worker_id", max: Bounds.id),
      outcomes: unsafe try outcomes(message.pointee.outcomes, message.pointee.n_outcomes),
      progress: unsafe try progressReports(message.pointee.progress, message.pointee.n_progress),
      extend: unsafe try leases(message.pointee.extend, message.pointee.n_extend, "extend", id: "extend.job_id"))
  }
}

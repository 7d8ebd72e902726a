import CProtobufC
import GKickProtos
public import Jobs

/// The requests of workers without a stream.
extension Codec {
  public func decodeFetchRequest(_ bytes: RawSpan) throws(WireError) -> Fetch {
    let message = unsafe try open(bytes, gkick__v1__fetch_request__unpack)
    let worker = unsafe try text(message.pointee.worker_id, "worker_id", max: Bounds.id)
    guard !worker.isEmpty else { throw WireError("worker_id", "required") }
    return Fetch(
      workerID: worker,
      subscriptions: unsafe try subscriptions(
        message.pointee.queues, message.pointee.n_queues, "queues"),
      names: unsafe try texts(
        message.pointee.names, message.pointee.n_names, "names", max: Bounds.names),
      maxJobs: unsafe min(max(1, message.pointee.max_jobs), Bounds.fetch),
      maxWait: unsafe try interval(message.pointee.max_wait, "max_wait", upTo: .seconds(60)) ?? .zero,
      lease: unsafe try interval(
        message.pointee.lease, "lease", allowingZero: false, most: .hours(24)))
  }

  public func decodeReportRequest(_ bytes: RawSpan) throws(WireError) -> Report {
    let message = unsafe try open(bytes, gkick__v1__report_request__unpack)
    var report = Report(
      workerID: unsafe try text(message.pointee.worker_id, "worker_id", max: Bounds.id),
      outcomes: unsafe try outcomes(message.pointee.outcomes, message.pointee.n_outcomes),
      progress: unsafe try progressReports(message.pointee.progress, message.pointee.n_progress),
      extend: unsafe try leases(message.pointee.extend, message.pointee.n_extend, "extend"))
    // What cannot be a job's id is none, which is answered in its place.
    for index in report.extend.indices where !Codec.isIdentifier(report.extend[index].jobID) {
      report.extend[index].jobID = ""
    }
    // Each has its own result in the answer, which must be one that the caller can take.
    let leases =
      report.outcomes.reduce(0) { $0 + $1.lease.messageSize } + report.extend.reduce(0) { $0 + $1.messageSize }
    let answer = leases + 80 * (report.outcomes.count + report.extend.count)
    guard answer <= Bounds.reported else {
      throw WireError("outcomes", "more than one answer can tell of; report fewer at once")
    }
    return report
  }
}

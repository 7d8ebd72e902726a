public import Jobs

/// The requests of workers without a stream.
extension Codec {
  public func decodeFetchRequest(_ bytes: RawSpan) throws(WireError) -> Fetch {
    let message = try open(bytes, as: Proto.FetchRequest.self)
    let worker = try text(message.workerID, "worker_id", max: Bounds.id)
    guard !worker.isEmpty else { throw WireError("worker_id", "required") }
    return Fetch(
      workerID: worker,
      subscriptions: try subscriptions(message.queues, "queues"),
      names: try texts(message.names, "names", max: Bounds.names),
      maxJobs: min(max(1, message.maxJobs), Bounds.fetch),
      maxWait: try interval(message.maxWait, "max_wait", upTo: .seconds(60)) ?? .zero,
      lease: try interval(message.lease, "lease", allowingZero: false, most: .hours(24)))
  }

  public func decodeReportRequest(_ bytes: RawSpan) throws(WireError) -> Report {
    let message = try open(bytes, as: Proto.ReportRequest.self)
    var report = Report(
      workerID: try text(message.workerID, "worker_id", max: Bounds.id),
      outcomes: try outcomes(message.outcomes),
      progress: try progressReports(message.progress),
      extend: try leases(message.extend, "extend"))
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

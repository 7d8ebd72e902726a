import Engine
import Jobs

// What is said, in a line each, for people who look for a fault.

extension Lease {
  fileprivate var told: String { "\(jobID)/\(token >> 32).\(token & 0xFFFF_FFFF)" }
}

extension WorkerMessage {
  fileprivate var told: String {
    var parts = ["ack \(ackSeq)"]
    if let capacity { parts.append("capacity \(capacity)") }
    for outcome in outcomes {
      let how =
        switch outcome.how {
        case .success: "succeeded"
        case .failure(let failure): failure.retryable ? "failed" : "failed for good"
        case .release(let delay): "released \(delay.map { "for \($0.microseconds)" } ?? "")"
        case .canceled: "canceled"
        case .refused: "refused"
        }
      parts.append("\(outcome.lease.told) \(how)")
    }
    for report in progress { parts.append("progress \(report.lease.told)") }
    if drain { parts.append("drain") }
    return parts.joined(separator: ", ")
  }
}

extension WorkerUpdate {
  fileprivate var told: String {
    var parts = ["seq \(seq)"]
    if let welcome { parts.append("welcome, lost \(welcome.lost.map(\.told))") }
    if !jobs.isEmpty { parts.append("jobs \(jobs.map(\.lease.told))") }
    for result in results { parts.append("\(result.lease.told) is \(result.code)") }
    for notice in cancellations { parts.append("stop \(notice.lease.told): \(notice.reason)") }
    if drain { parts.append("drain") }
    return parts.joined(separator: ", ")
  }
}

extension Command {
  var told: String {
    switch self {
    case .connect(let hello, _, let route):
      "\(route.id) connect \(hello.workerID) most \(hello.maxInFlight), window \(hello.resumeWindow?.microseconds ?? 0), has \(hello.held.map(\.told))"
    case .work(let message, let route): "\(route.id) work \(message.told)"
    case .enqueue(let group, let durability, let route):
      "\(route.id) enqueue \(group.jobs.map { $0.id + ($0.options.unique.map { " key \($0.key) \($0.onConflict) \($0.holdFor?.microseconds ?? 0)" } ?? "") }) all: \(group.allOrNothing) \(durability.map { "\($0)" } ?? "")"
    case .report(let report, let route):
      "\(route.id) report \(report.workerID) \(WorkerMessage(outcomes: report.outcomes, progress: report.progress).told), extend \(report.extend.map(\.told))"
    case .fetch(let fetch, let route): "\(route.id) fetch \(fetch.workerID) \(fetch.maxJobs)"
    default: "\(self)"
    }
  }
}

extension Effect {
  var told: String {
    switch self {
    case .toWorker(let route, let update): "\(route.id) to worker \(update.told)"
    case .endSession(let route, let end): "\(route.id) end \(end)"
    case .reply(let route, .fetched(let jobs, _)): "\(route.id) fetched \(jobs.map(\.lease.told))"
    case .reply(let route, .events(.events(let events, let cursor))):
      "\(route.id) events \(events.map { "\($0.cursor) \($0.kind) \($0.jobID)\($0.workerID.isEmpty ? "" : " by \($0.workerID)")" }) to \(cursor)"
    case .reply(let route, let reply): "\(route.id) \(reply)"
    }
  }
}

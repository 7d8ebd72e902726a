import Backlog
import Jobs

/// Tells who changed what: in the change set of the change itself, so that neither is stored without the other.
enum Auditing {
  static func record(_ tick: Tick, in backlog: Backlog) {
    var replies: [Route: Reply] = [:]
    for effect in tick.said.replies + tick.early {
      if case .reply(let route, let reply) = effect { replies[route] = reply }
    }
    var events: [Event] = []
    var later: [(audit: Audit, route: Route)] = []
    for (audit, route) in tick.asked.audits {
      // It waits for rows: nothing is done yet.
      if tick.asked.holds(route) {
        later.append((audit, route))
        continue
      }
      // What is done in slices has no answer yet; it is told when it begins.
      if let reply = replies[route], !reply.saysChanged { continue }
      var (jobID, queue) = (audit.jobID, audit.queue)
      // A new job has its id from its answer.
      if case .enqueued(let results, _) = replies[route], results.count == 1,
        case .stored(let id, _, _) = results[results.startIndex]
      {
        jobID = id
      }
      if queue.isEmpty, !jobID.isEmpty { queue = backlog.queue(ofJob: jobID) ?? "" }
      if queue.isEmpty, !audit.batchID.isEmpty { queue = backlog.queue(ofBatch: audit.batchID) ?? "" }
      events.append(
        Event(
          kind: .audit, at: tick.wall, jobID: jobID, queue: queue, workerID: audit.workerID,
          batchID: audit.batchID, detail: .audit(principal: audit.principal, call: audit.call)))
    }
    tick.asked.audits = later
    if !events.isEmpty { backlog.record(events) }
  }
}

extension Reply {
  /// Whether what was asked for was done.
  fileprivate var saysChanged: Bool {
    switch self {
    case .done, .swept: true
    case .enqueued(let results, _):
      results.contains { if case .stored = $0 { true } else { false } }
    case .controlled(.done), .controlled(.running): true
    case .flow(.done), .flow(.batch), .flow(.recurring), .flow(.triggered): true
    default: false
    }
  }
}

import Backlog
import Jobs

extension QueueManager {
  /// Limits, batches, recurring jobs.
  func flow(_ tick: Tick) throws(StoreError) {
    for (command, route) in tick.flows {
      if command.changes { wantDurable(tick) }
      tick.reply(route, .flow(try obey(command, tick)))
    }
  }

  private func obey(_ command: FlowCommand, _ tick: Tick) throws(StoreError) -> FlowReply {
    let now = tick.moment
    switch command {
    case .putLimit(let limit):
      backlog.putLimit(limit, now: now)
      return .done
    case .deleteLimit(let scope): return backlog.deleteLimit(scope, now: now) ? .done : .notFound
    case .limits(let after, let limit):
      let page = backlog.limits(after: after, limit: limit, now: now)
      return .limits(page.limits, next: page.next)
    case .putBatch(let terms):
      switch try backlog.putBatch(terms, now: now) {
      case .done(let view): return .batch(view)
      case .notFound: return .notFound
      case .finished: return .finished
      }
    case .batch(let id): return backlog.batch(id).map { .batch($0) } ?? .notFound
    case .batches(let unfinishedOnly, let before, let limit):
      let page = backlog.batches(unfinishedOnly: unfinishedOnly, before: before, limit: limit)
      return .batches(page.batches, next: page.next)
    case .closeBatch(let id, let reason):
      guard let view = backlog.closeBatch(id, now: now) else { return .notFound }
      for job in try backlog.cancelUnstored(ofBatch: id, reason: reason, now: now) { tellToStop(job, reason, tick) }
      return .batch(view)
    case .putRecurring(let job): return .recurring(backlog.putRecurring(job, now: now))
    case .replaceRecurring(let jobs):
      backlog.replaceRecurring(jobs, now: now)
      return .done
    case .deleteRecurring(let id): return backlog.deleteRecurring(id) ? .done : .notFound
    case .triggerRecurring(let id):
      return try backlog.triggerRecurring(id, now: now).map { .triggered($0) } ?? .notFound
    case .recurring(let after, let limit, let bytes):
      return .recurringPage(backlog.recurring(after: after, limit: limit, bytes: bytes))
    }
  }
}

import Backlog
import Jobs

extension QueueManager {
  /// Limits, batches, recurring jobs.
  /// - Parameter isResumed: it waited for rows: only what these were for is done.
  func flow(_ tick: Tick, isResumed: Bool) throws(StoreError) {
    while let (command, route) = tick.asked.flows.first {
      try lookAhead(command, tick)
      if command.changes { wantDurable(tick) }
      let reply = try backlog.readingInLine { () throws(StoreError) in try obey(command, nil, tick) }
      tick.reply(route, .flow(reply))
      tick.asked.flows.removeFirst()
      if isResumed { return }
    }
  }

  private func lookAhead(_ command: FlowCommand, _ tick: Tick) throws(StoreError) {
    switch command {
    case .within(_, let command): try lookAhead(command, tick)
    case .putBatch(let terms): try backlog.lookAhead(terms, now: tick.moment)
    case .triggerRecurring(let id): try backlog.lookAhead(recurring: id, now: tick.moment)
    default: break
    }
  }

  private func obey(_ command: FlowCommand, _ scope: QueueScope?, _ tick: Tick) throws(StoreError) -> FlowReply {
    let now = tick.moment
    switch command {
    case .within(let scope, let command): return try obey(command, scope, tick)
    case .putLimit(let limit):
      backlog.putLimit(limit, now: now)
      return .done
    case .deleteLimit(let scope): return backlog.deleteLimit(scope, now: now) ? .done : .notFound
    case .limits(let after, let limit):
      let page = backlog.limits(after: after, limit: limit, own: scope, now: now)
      return .limits(page.limits, next: page.next)
    case .putBatch(let terms):
      switch try backlog.putBatch(terms, scope: scope, now: now) {
      case .done(let view): return .batch(view)
      case .notFound: return .notFound
      case .foreign: return .foreign
      case .finished: return .finished
      }
    case .batch(let id): return backlog.batch(id, scope: scope).map { .batch($0) } ?? .notFound
    case .batches(let unfinishedOnly, let before, let limit):
      let page = backlog.batches(unfinishedOnly: unfinishedOnly, before: before, limit: limit, scope: scope)
      return .batches(page.batches, next: page.next)
    case .closeBatch(let id, let reason):
      guard backlog.batch(id, scope: scope) != nil else { return .notFound }
      guard backlog.isOwn(batch: id, scope: scope) else { return .notWholly }
      guard let view = backlog.closeBatch(id) else { return .notFound }
      for job in try backlog.cancelUnstored(ofBatch: id, reason: reason, now: now) { tellToStop(job, reason, tick) }
      return .batch(view)
    case .putRecurring(let job):
      if backlog.isForeign(recurring: job.id, to: scope) { return .foreign }
      return .recurring(backlog.putRecurring(job, scope: scope, now: now))
    case .replaceRecurring(let document):
      backlog.replaceRecurring(document, now: now)
      return .done
    case .deleteRecurring(let id), .triggerRecurring(let id):
      if backlog.isForeign(recurring: id, to: scope) { return .notFound }
      if case .triggerRecurring = command {
        return try backlog.triggerRecurring(id, now: now).map { .triggered($0) } ?? .notFound
      }
      return backlog.deleteRecurring(id) ? .done : .notFound
    case .recurring(let after, let limit, let bytes):
      return .recurringPage(backlog.recurring(after: after, limit: limit, bytes: bytes, scope: scope))
    }
  }
}

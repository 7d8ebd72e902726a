import Jobs
import SQLRecords

extension PostgresStorage {
  public func write(_ changes: [ChangeSet], epoch: Epoch) throws(StoreError) {
    if changes.isEmpty { return }
    var calls: [PostgresCall] = []
    // All are committed together: the one that asks for most decides.
    let isRelaxed = changes.allSatisfy { $0.durability == .relaxed }
    var ticks = ticks
    var aside = AsideSeqs(asideSeqs)
    for change in changes {
      let row = ticks.add(change, epoch, keptDelay: options.keptDelay)
      calls.append(
        PostgresCall(
          statements.beginTick,
          [
            .int8(row.tick.epoch), .int8(row.tick.number), .time(change.now), .int8(change.nextSeq), .int8(row.before),
            .int8(row.cursor), .int8(row.totalBytes), .int8(row.needed.epoch), .int8(row.needed.number),
            .bytea(row.events), .bytea(row.kept), .bool(isRelaxed),
          ]))
      appendJobs(change, &aside, to: &calls)
      appendTaken(change, to: &calls)
      append(row.flush, to: &calls)
    }
    _ = try link.run(calls)
    let taken = changes.flatMap { $0.taken.map(\.number) }
    if !taken.isEmpty { programs.forget(taken) }
    aside.apply(to: &asideSeqs)
    self.ticks = ticks
  }

  private func append(_ flush: KeptRows.Flush, to calls: inout [PostgresCall]) {
    if !flush.queues.isEmpty {
      var queues = QueueRows()
      for queue in flush.queues { queues.append(queue) }
      calls.append(PostgresCall(statements.putQueues, queues.values))
    }
    if !flush.goneQueues.isEmpty {
      calls.append(PostgresCall(statements.deleteQueues, [PostgresArray.texts(flush.goneQueues)]))
    }
    func kinds(_ documents: some Sequence<Document.Kind>) -> PostgresValue {
      var kinds = PostgresArray(.int2)
      for kind in documents { kinds.append(Int16(kind.rawValue)) }
      return .array(kinds)
    }
    if !flush.documents.isEmpty {
      var bodies = PostgresArray(.bytea)
      for document in flush.documents { bodies.append(document.bytes) }
      calls.append(
        PostgresCall(
          statements.putDocuments,
          [kinds(flush.documents.map(\.kind)), PostgresArray.texts(flush.documents.map(\.key)), .array(bodies)]))
    }
    if !flush.goneDocuments.isEmpty {
      calls.append(
        PostgresCall(
          statements.deleteDocuments,
          [kinds(flush.goneDocuments.map(\.kind)), PostgresArray.texts(flush.goneDocuments.map(\.key))]))
    }
  }

  private func appendTaken(_ change: ChangeSet, to calls: inout [PostgresCall]) {
    if change.taken.isEmpty { return }
    calls.append(PostgresCall(statements.take, [PostgresArray.int8s(change.taken.map(\.number))]))
    let refusals = change.taken.compactMap(\.refusal)
    if refusals.isEmpty { return }
    var existing = PostgresArray(.text)
    for refusal in refusals { existing.append(nonEmpty: refusal.existingID) }
    calls.append(
      PostgresCall(
        statements.refuse,
        [
          PostgresArray.texts(refusals.map(\.id)), PostgresArray.texts(refusals.map(\.queue)),
          PostgresArray.texts(refusals.map(\.name)), PostgresArray.texts(refusals.map(\.reason)), .array(existing),
          .time(change.now),
        ]))
  }

  private func appendJobs(_ change: ChangeSet, _ aside: inout AsideSeqs, to calls: inout [PostgresCall]) {
    var stopped = PostgresArray(.int8)
    var fresh = FreshRows(room: change.jobs.count)
    var started = StartedRows(room: change.jobs.count)
    var whole = WholeRows()
    var replaced = WholeRows()
    var standings = StandingRows()
    var carriedStandings = StandingRows()
    var results = PostgresArray(.bytea)
    var carried = PostgresArray(.bytea)
    var carries = CarriedRows()
    var running = RunningRows()
    var stillRunning = RunningRows()
    for job in change.jobs {
      let isRunning = job.standing.state == .running
      if job.isNew {
        let isPlain =
          (job.carried?.isNothing ?? true) && job.head.job.options === JobOptions.standard
          && job.standing.runAt == job.head.job.runAt ?? job.head.createdAt
        if isPlain, isRunning {
          started.append(job)
        } else if isPlain, job.standing.isUntouched {
          fresh.append(job)
        } else {
          whole.append(job)
        }
        continue
      }
      if isRunning {
        if aside.insert(job.head.seq) { running.append(job) } else { stillRunning.append(job) }
      } else if aside.remove(job.head.seq) {
        stopped.append(job.head.seq)
      }
      if job.body != nil {
        replaced.append(job, isAside: isRunning)
        if let carried = job.carried { carries.append(job.head.seq, carried) }
      } else if isRunning {
        if let carried = job.carried { carries.append(job.head.seq, carried) }
      } else if let more = job.carried {
        carriedStandings.append(job)
        results.append(more.result.isEmpty ? nil : more.result)
        carried.append(CarriedRecord.bytes(more))
      } else {
        standings.append(job)
      }
    }
    for job in change.forgotten where aside.remove(job.head.seq) { stopped.append(job.head.seq) }

    if !stopped.isEmpty { calls.append(PostgresCall(statements.stop, [.array(stopped)])) }
    if !change.forgotten.isEmpty {
      calls.append(PostgresCall(statements.forget, [PostgresArray.int8s(change.forgotten.map(\.head.seq))]))
    }
    if !fresh.isEmpty { calls.append(PostgresCall(statements.insert, fresh.values)) }
    if !started.isEmpty { calls.append(PostgresCall(statements.insertStarted, started.values)) }
    if !whole.isEmpty { calls.append(PostgresCall(statements.insertWhole, whole.values)) }
    if !replaced.isEmpty { calls.append(PostgresCall(statements.replace, replaced.values)) }
    if !standings.isEmpty { calls.append(PostgresCall(statements.update, standings.values)) }
    if !carriedStandings.isEmpty {
      calls.append(
        PostgresCall(statements.updateCarried, carriedStandings.values + [.array(results), .array(carried)]))
    }
    if !carries.isEmpty { calls.append(PostgresCall(statements.carry, carries.values)) }
    if !running.isEmpty { calls.append(PostgresCall(statements.run, running.values)) }
    if !stillRunning.isEmpty { calls.append(PostgresCall(statements.runOn, stillRunning.values)) }
  }
}

extension JobCarried {
  fileprivate var isNothing: Bool {
    self === JobCarried.nothing || result.isEmpty && failures.isEmpty && progress == nil && cancelReason.isEmpty
  }
}

extension JobStanding {
  /// As it was enqueued.
  fileprivate var isUntouched: Bool {
    (state == .ready || state == .scheduled) && self == JobStanding(state: state, runAt: runAt)
  }
}

import Jobs
import SQLRecords

extension MySQLStorage {
  public func write(_ changes: [ChangeSet], epoch: Epoch) throws(StoreError) {
    if changes.isEmpty { return }
    var text = link.text
    var ticks = ticks
    var aside = AsideSeqs(asideSeqs)
    for change in changes {
      if !text.bytes.isEmpty { text.add(";") }
      let row = ticks.add(change, epoch, keptDelay: link.options.keptDelay)
      text.add("CALL gkick_begin_tick(")
      text.add(row.tick.epoch)
      text.add(",")
      text.add(row.tick.number)
      text.add(");INSERT INTO gkick_tick VALUES (")
      let numbers = [
        row.tick.epoch, row.tick.number, change.now.microseconds, change.nextSeq, row.before, row.cursor,
        row.totalBytes, row.needed.epoch, row.needed.number,
      ]
      for number in numbers {
        text.add(number)
        text.add(",")
      }
      text.add(binary: row.events)
      text.add(",")
      text.add(binary: row.kept)
      text.add(")")
      WrittenJobs.add(change, &aside, to: &text)
      addTaken(change, to: &text)
      addFlush(row.flush, to: &text)
    }
    try link.write(text)
    aside.apply(to: &asideSeqs)
    self.ticks = ticks
    let taken = changes.flatMap { $0.taken.map(\.number) }
    if !taken.isEmpty { programs.forget(taken) }
  }

  private func addTaken(_ change: ChangeSet, to text: inout SQLText) {
    if change.taken.isEmpty { return }
    text.add(";DELETE t FROM gkick_inbox t WHERE number IN ")
    text.add(list: change.taken.map(\.number))
    let refusals = change.taken.compactMap(\.refusal)
    if refusals.isEmpty { return }
    text.add(";INSERT INTO gkick_refused (id, queue, name, reason, existing_id, at) VALUES ")
    for (index, refusal) in refusals.enumerated() {
      text.row(index)
      for value in [refusal.id, refusal.queue, refusal.name, refusal.reason] {
        text.add(quoted: value)
        text.add(",")
      }
      text.add(nonEmpty: refusal.existingID)
      text.add(",")
      text.add(change.now)
    }
    text.add(")")
  }

  private func addFlush(_ flush: KeptRows.Flush, to text: inout SQLText) {
    if !flush.queues.isEmpty {
      text.add(";REPLACE INTO gkick_queue VALUES ")
      for (index, queue) in flush.queues.enumerated() {
        text.row(index)
        text.add(quoted: queue.name)
        for value in [queue.succeeded, queue.failed, queue.ended, queue.dead].reduce(
          into: [queue.isPaused ? 1 as Int64 : 0], { $0.append(Int64(bitPattern: $1)) }) + [
            queue.lastUsedAt.microseconds
          ]
        {
          text.add(",")
          text.add(value)
        }
      }
      text.add(")")
    }
    for (index, name) in flush.goneQueues.enumerated() {
      text.add(index == 0 ? ";DELETE t FROM gkick_queue t WHERE name IN (" : ",")
      text.add(quoted: name)
    }
    if !flush.goneQueues.isEmpty { text.add(")") }
    if !flush.documents.isEmpty {
      text.add(";REPLACE INTO gkick_document VALUES ")
      for (index, document) in flush.documents.enumerated() {
        text.row(index)
        text.add(Int64(document.kind.rawValue))
        text.add(",")
        text.add(binary: Array(document.key.utf8))
        text.add(",")
        text.add(binary: document.bytes)
      }
      text.add(")")
    }
    for document in flush.goneDocuments {
      text.add(";DELETE t FROM gkick_document t WHERE kind = ")
      text.add(Int64(document.kind.rawValue))
      text.add(" AND name = ")
      text.add(binary: Array(document.key.utf8))
    }
  }
}

/// The statements that a change set's jobs become.
///
/// A delete names its table twice, in the form for many tables: MariaDB (10.11 at least) says that the short form went well, with no row gone,
/// when KILL QUERY came while it looked for the rows, and the transaction would go on without it.
enum WrittenJobs {
  /// Bytes of a job's result and failures that are written together with those of others.
  private static let joined = 8_192

  static func add(_ change: ChangeSet, _ aside: inout AsideSeqs, to text: inout SQLText) {
    var stopped: [Int64] = []
    var fresh: [JobChange] = []
    var replaced: [JobChange] = []
    var standings: [JobChange] = []
    var ended: [JobChange] = []
    var running: [JobChange] = []
    var stillRunning: [JobChange] = []
    var carries: [JobChange] = []
    for job in change.jobs {
      let isRunning = job.standing.state == .running
      if job.isNew {
        fresh.append(job)
        continue
      }
      if isRunning {
        if aside.insert(job.head.seq) { running.append(job) } else { stillRunning.append(job) }
      } else if aside.remove(job.head.seq) {
        stopped.append(job.head.seq)
      }
      if job.body != nil || isRunning {
        if job.body != nil { replaced.append(job) }
        if job.carried != nil { carries.append(job) }
      } else if let carried = job.carried {
        // What is large is better not copied into a table between.
        if carried.result.count + carried.failures.count * 512 <= joined {
          ended.append(job)
        } else {
          standings.append(job)
          carries.append(job)
        }
      } else {
        standings.append(job)
      }
    }
    for job in change.forgotten where aside.remove(job.head.seq) { stopped.append(job.head.seq) }
    if !stopped.isEmpty {
      text.add(";DELETE t FROM gkick_running t WHERE seq IN ")
      text.add(list: stopped)
    }
    if !change.forgotten.isEmpty {
      text.add(";DELETE t FROM gkick_job t WHERE seq IN ")
      text.add(list: change.forgotten.map(\.head.seq))
      let chosen = change.forgotten.filter(\.head.isChosen)
      if !chosen.isEmpty {
        text.add(";DELETE t FROM gkick_chosen t WHERE seq IN ")
        text.add(list: chosen.map(\.head.seq))
      }
    }
    addFresh(fresh, to: &text)
    for job in replaced { addReplacement(job, to: &text) }
    addStandings(standings, carried: false, to: &text)
    addStandings(ended, carried: true, to: &text)
    for job in carries { addCarried(job, to: &text) }
    addRunning(running, "INSERT", to: &text)
    addRunning(stillRunning, "REPLACE", to: &text)
  }

  private static let columns = """
    flags, id, queue, name, priority, created_at, payload_size, body_sum, payload_at, content_type, metadata, options, batch_id, \
    concurrency_key, fairness_key, recurring_id, hold_until, body
    """

  private static func addFresh(_ jobs: [JobChange], to text: inout SQLText) {
    if jobs.isEmpty { return }
    text.add(
      ";INSERT INTO gkick_job (seq, state, run_at, first_run_at, attempt, lost, started_at, finished_at, expires_at, worker_id, "
    )
    text.add(columns)
    text.add(", result, carried, token, deadline, resume_window) VALUES ")
    for (index, job) in jobs.enumerated() {
      text.row(index)
      text.add(job.head.seq)
      for value in standing(job) {
        text.add(",")
        text.add(value)
      }
      text.add(",")
      text.add(nonEmpty: job.standing.workerID)
      for column in 0..<18 where column != 9 && column != 10 {
        text.add(",")
        addAsked(job, column, to: &text)
      }
      let carried = job.carried ?? .nothing
      text.add(",")
      text.add(binary: carried.result.isEmpty ? nil : carried.result)
      text.add(",")
      text.add(binary: CarriedRecord.bytes(carried))
      let isRunning = job.standing.state == .running
      let lease: [Int64?] = [
        Int64(bitPattern: job.standing.token), job.standing.deadline?.microseconds,
        job.standing.resumeWindow.microseconds,
      ]
      for value in lease {
        text.add(",")
        text.add(isRunning ? value : nil)
      }
    }
    text.add(")")
    let chosen = jobs.filter(\.head.isChosen)
    for (index, job) in chosen.enumerated() {
      text.add(index == 0 ? ";INSERT INTO gkick_chosen VALUES (" : "),(")
      text.add(job.head.seq)
    }
    if !chosen.isEmpty { text.add(")") }
  }

  /// state, run_at, first_run_at, attempt, lost, started_at, finished_at, expires_at.
  /// - Parameter isAside: what it has as a running job stands in gkick_running; here it is as it was before.
  private static func standing(_ job: JobChange, isAside: Bool = false) -> [Int64?] {
    let standing = job.standing
    let asked = job.head.job.runAt ?? job.head.createdAt
    if isAside { return [2, asked.microseconds, nil, 0, 0, nil, nil, nil] }
    return [
      Int64(standing.state.rawValue), standing.runAt.microseconds, asked == standing.runAt ? nil : asked.microseconds,
      Int64(standing.attempt), Int64(standing.lost), standing.startedAt?.microseconds,
      standing.finishedAt?.microseconds,
      standing.state.isFinal ? standing.expires.microseconds : nil,
    ]
  }

  private static func flags(_ job: JobChange, isAside: Bool = false) -> Int64 {
    let standing = isAside ? JobStanding(state: .ready, runAt: .distantPast) : job.standing
    return Int64(JobFlags(standing, isChosen: job.head.isChosen).rawValue)
  }

  /// One of `columns`.
  private static func addAsked(_ job: JobChange, _ column: Int, to text: inout SQLText) {
    let asked = job.head.job
    let body = job.body ?? []
    switch column {
    case 0: text.add(flags(job))
    case 1: text.add(quoted: asked.id)
    case 2: text.add(quoted: asked.queue)
    case 3: text.add(quoted: asked.name)
    case 4: text.add(Int64(asked.priority))
    case 5: text.add(job.head.createdAt)
    case 6: text.add(Int64(asked.payloadSize))
    case 7: text.add(Int64(Checksum.of(body)))
    case 8: addFields(BodyFields(body), to: &text)
    // With the one before.
    case 9, 10: break
    case 11: text.add(binary: OptionsRecord.bytes(asked.options))
    case 12: text.add(nonEmpty: asked.options.batchID)
    case 13: add(key: asked.options.concurrencyKey, to: &text)
    case 14: add(key: asked.options.fairnessKey, to: &text)
    case 15: add(key: asked.options.recurringJobID, to: &text)
    case 16: text.add(job.head.holdsUntil)
    default: text.add(binary: body)
    }
  }

  private static func addFields(_ fields: BodyFields, to text: inout SQLText) {
    text.add(Int64(fields.payloadAt.map { $0 + 1 } ?? 0))
    text.add(",")
    text.add(nonEmpty: fields.contentType)
    text.add(",")
    text.add(nonEmpty: fields.metadata ?? "")
  }

  private static func add(key: String, to text: inout SQLText) {
    text.add(binary: key.isEmpty ? nil : Array(key.utf8))
  }

  /// What the producer asked for and where it stands; what is carried stays.
  private static func addReplacement(_ job: JobChange, to text: inout SQLText) {
    let names = columns.split(separator: ",").map { $0.filter { !$0.isWhitespace } }
    let isAside = job.standing.state == .running
    text.add(";UPDATE gkick_job SET token = NULL, deadline = NULL, resume_window = NULL,")
    let standings = ["state", "run_at", "first_run_at", "attempt", "lost", "started_at", "finished_at", "expires_at"]
    for (name, value) in zip(standings, standing(job, isAside: isAside)) {
      text.add("\(name) = ")
      text.add(value)
      text.add(",")
    }
    text.add("worker_id = ")
    text.add(nonEmpty: isAside ? "" : job.standing.workerID)
    let fields = BodyFields(job.body ?? [])
    for (column, name) in names.enumerated() {
      text.add(", \(name) = ")
      switch name {
      case "flags": text.add(flags(job, isAside: isAside))
      case "payload_at": text.add(Int64(fields.payloadAt.map { $0 + 1 } ?? 0))
      case "content_type": text.add(nonEmpty: fields.contentType)
      case "metadata": text.add(nonEmpty: fields.metadata ?? "")
      default: addAsked(job, column, to: &text)
      }
    }
    text.add(" WHERE seq = ")
    text.add(job.head.seq)
  }

  /// Many rows in one statement: each joins what it becomes.
  private static func addStandings(_ jobs: [JobChange], carried: Bool, to text: inout SQLText) {
    if jobs.isEmpty { return }
    text.add(";UPDATE gkick_job j JOIN (")
    for (index, job) in jobs.enumerated() {
      text.add(index == 0 ? "SELECT " : " UNION ALL SELECT ")
      text.add(job.head.seq)
      if index == 0 { text.add(" AS seq") }
      let names = ["state", "run_at", "first_run_at", "attempt", "lost", "started_at", "finished_at", "expires_at"]
      for (name, value) in zip(names, standing(job)) {
        text.add(",")
        text.add(value)
        if index == 0 { text.add(" AS \(name)") }
      }
      text.add(",")
      text.add(flags(job))
      if index == 0 { text.add(" AS flags") }
      text.add(",")
      text.add(nonEmpty: job.standing.workerID)
      if index == 0 { text.add(" AS worker_id") }
      guard carried, let more = job.carried else { continue }
      text.add(",")
      text.add(binary: more.result.isEmpty ? nil : more.result)
      text.add(index == 0 ? " AS result," : ",")
      text.add(binary: CarriedRecord.bytes(more))
      if index == 0 { text.add(" AS carried") }
    }
    text.add(
      """
      ) u ON u.seq = j.seq SET j.state = u.state, j.run_at = u.run_at, j.first_run_at = u.first_run_at, j.attempt = u.attempt, \
      j.lost = u.lost, j.started_at = u.started_at, j.finished_at = u.finished_at, j.expires_at = u.expires_at, \
      j.flags = u.flags, j.worker_id = u.worker_id, j.token = NULL, j.deadline = NULL, j.resume_window = NULL
      """)
    if carried { text.add(", j.result = u.result, j.carried = u.carried") }
  }

  private static func addCarried(_ job: JobChange, to text: inout SQLText) {
    guard let carried = job.carried else { return }
    text.add(";UPDATE gkick_job SET result = ")
    text.add(binary: carried.result.isEmpty ? nil : carried.result)
    text.add(", carried = ")
    text.add(binary: CarriedRecord.bytes(carried))
    text.add(" WHERE seq = ")
    text.add(job.head.seq)
  }

  private static func addRunning(_ jobs: [JobChange], _ verb: String, to text: inout SQLText) {
    if jobs.isEmpty { return }
    text.add(";\(verb) INTO gkick_running VALUES ")
    for (index, job) in jobs.enumerated() {
      let standing = job.standing
      text.row(index)
      let values: [Int64?] = [
        job.head.seq, Int64(bitPattern: standing.token), standing.runAt.microseconds, standing.startedAt?.microseconds,
        standing.deadline?.microseconds, standing.resumeWindow.microseconds, Int64(standing.attempt),
        Int64(standing.lost),
        Int64(JobFlags(standing, isChosen: job.head.isChosen).rawValue),
      ]
      for value in values {
        text.add(value)
        text.add(",")
      }
      text.add(quoted: standing.workerID)
    }
    text.add(")")
  }
}

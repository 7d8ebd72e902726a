import Jobs
import SQLRecords

/// The columns of the rows that a statement writes, in the order of its parameters.
///
/// A job that was started in the tick that made it has what a running one has in its own row. All others that run have it in `running`,
/// and here they are as they were before.
struct FreshRows {
  private var seqs: PostgresArray
  private var flags: PostgresArray
  private var ids: PostgresArray
  private var queues: PostgresArray
  private var names: PostgresArray
  private var priorities: PostgresArray
  private var created: PostgresArray
  private var runAt: PostgresArray
  private var sizes: PostgresArray
  private var states: PostgresArray
  private var bodies: PostgresArray
  private var sums: PostgresArray

  init(room: Int) {
    seqs = PostgresArray(.int8, room: room)
    flags = PostgresArray(.int2, room: room)
    ids = PostgresArray(.text, room: room * 4)
    queues = PostgresArray(.text, room: room)
    names = PostgresArray(.text, room: room)
    priorities = PostgresArray(.int2, room: room)
    created = PostgresArray(.timestamptz, room: room)
    runAt = PostgresArray(.timestamptz, room: room)
    sizes = PostgresArray(.int8, room: room)
    states = PostgresArray(.int2, room: room)
    bodies = PostgresArray(.bytea, room: room)
    sums = PostgresArray(.int4, room: room)
  }

  var isEmpty: Bool { seqs.isEmpty }

  /// - Parameter isAside: what it has as a running job stands in `running`.
  mutating func append(_ change: JobChange, isAside: Bool = false) {
    let head = change.head
    let job = head.job
    let body = change.body ?? []
    seqs.append(head.seq)
    flags.append(
      isAside
        ? (head.isChosen ? JobFlags.chosenID.rawValue : 0) : JobFlags(change.standing, isChosen: head.isChosen).rawValue
    )
    ids.append(job.id)
    queues.append(job.queue)
    names.append(job.name)
    priorities.append(Int16(job.priority))
    created.append(head.createdAt)
    runAt.append(isAside ? job.runAt ?? head.createdAt : change.standing.runAt)
    sizes.append(Int64(job.payloadSize))
    states.append(Int16(isAside ? JobState.ready.rawValue : change.standing.state.rawValue))
    bodies.append(body)
    sums.append(Checksum.of(body))
  }

  var values: [PostgresValue] {
    [seqs, flags, ids, queues, names, priorities, created, runAt, sizes, states, bodies, sums].map { .array($0) }
  }
}

/// Rows of jobs that were started in the tick that made them, with nothing asked for beyond the defaults.
struct StartedRows {
  private var fresh: FreshRows
  private var attempts: PostgresArray
  private var lost: PostgresArray
  private var started: PostgresArray
  private var workers: PostgresArray
  private var lease: LeaseColumns

  init(room: Int) {
    fresh = FreshRows(room: room)
    attempts = PostgresArray(.int8, room: room)
    lost = PostgresArray(.int8, room: room)
    started = PostgresArray(.timestamptz, room: room)
    workers = PostgresArray(.text, room: room)
    lease = LeaseColumns(room: room)
  }

  var isEmpty: Bool { fresh.isEmpty }

  mutating func append(_ change: JobChange) {
    fresh.append(change)
    let standing = change.standing
    attempts.append(Int64(standing.attempt))
    lost.append(Int64(standing.lost))
    started.append(standing.startedAt)
    workers.append(standing.workerID)
    lease.append(standing)
  }

  var values: [PostgresValue] {
    fresh.values + [attempts, lost, started, workers].map { .array($0) } + lease.values
  }
}

/// What only a running job has.
private struct LeaseColumns {
  private var tokens: PostgresArray
  private var deadlines: PostgresArray
  private var windows: PostgresArray

  init(room: Int = 0) {
    tokens = PostgresArray(.int8, room: room)
    deadlines = PostgresArray(.timestamptz, room: room)
    windows = PostgresArray(.int8, room: room)
  }

  mutating func append(_ standing: JobStanding) {
    tokens.append(Int64(bitPattern: standing.token))
    deadlines.append(standing.deadline)
    windows.append(standing.resumeWindow.microseconds)
  }

  mutating func appendNull() {
    tokens.appendNull()
    deadlines.appendNull()
    windows.appendNull()
  }

  var values: [PostgresValue] { [tokens, deadlines, windows].map { .array($0) } }
}

/// Rows with every column.
struct WholeRows {
  private var fresh = FreshRows(room: 0)
  private var firstRunAt = PostgresArray(.timestamptz)
  private var attempts = PostgresArray(.int8)
  private var lost = PostgresArray(.int8)
  private var started = PostgresArray(.timestamptz)
  private var finished = PostgresArray(.timestamptz)
  private var expires = PostgresArray(.timestamptz)
  private var workers = PostgresArray(.text)
  private var options = PostgresArray(.bytea)
  private var batches = PostgresArray(.text)
  private var concurrencyKeys = PostgresArray(.text)
  private var fairnessKeys = PostgresArray(.text)
  private var recurring = PostgresArray(.text)
  private var holds = PostgresArray(.timestamptz)
  private var results = PostgresArray(.bytea)
  private var carried = PostgresArray(.bytea)
  private var lease = LeaseColumns()

  var isEmpty: Bool { fresh.isEmpty }

  /// - Parameter isAside: what it has as a running job stands in `running`.
  mutating func append(_ change: JobChange, isAside: Bool = false) {
    fresh.append(change, isAside: isAside)
    let standing = change.standing
    let job = change.head.job
    if standing.state == .running, !isAside { lease.append(standing) } else { lease.appendNull() }
    if isAside {
      firstRunAt.appendNull()
      attempts.append(0 as Int64)
      lost.append(0 as Int64)
      started.appendNull()
      finished.appendNull()
      expires.appendNull()
      workers.appendNull()
    } else {
      let asked = job.runAt ?? change.head.createdAt
      firstRunAt.append(asked == standing.runAt ? nil : asked)
      attempts.append(Int64(standing.attempt))
      lost.append(Int64(standing.lost))
      started.append(standing.startedAt)
      finished.append(standing.finishedAt)
      expires.append(standing.state.isFinal ? standing.expires : nil)
      workers.append(nonEmpty: standing.workerID)
    }
    options.append(OptionsRecord.bytes(job.options))
    batches.append(nonEmpty: job.options.batchID)
    concurrencyKeys.append(nonEmpty: job.options.concurrencyKey)
    fairnessKeys.append(nonEmpty: job.options.fairnessKey)
    recurring.append(nonEmpty: job.options.recurringJobID)
    holds.append(change.head.holdsUntil)
    let more = change.carried ?? .nothing
    results.append(more.result.isEmpty ? nil : more.result)
    carried.append(CarriedRecord.bytes(more))
  }

  var values: [PostgresValue] {
    fresh.values
      + [
        firstRunAt, attempts, lost, started, finished, expires, workers, options, batches, concurrencyKeys,
        fairnessKeys,
        recurring, holds, results, carried,
      ].map { .array($0) } + lease.values
  }
}

struct StandingRows {
  private var seqs = PostgresArray(.int8)
  private var states = PostgresArray(.int2)
  private var flags = PostgresArray(.int2)
  private var attempts = PostgresArray(.int8)
  private var lost = PostgresArray(.int8)
  private var runAt = PostgresArray(.timestamptz)
  private var firstRunAt = PostgresArray(.timestamptz)
  private var started = PostgresArray(.timestamptz)
  private var finished = PostgresArray(.timestamptz)
  private var expires = PostgresArray(.timestamptz)
  private var workers = PostgresArray(.text)

  var isEmpty: Bool { seqs.isEmpty }

  mutating func append(_ change: JobChange) {
    let standing = change.standing
    let asked = change.head.job.runAt ?? change.head.createdAt
    seqs.append(change.head.seq)
    states.append(Int16(standing.state.rawValue))
    flags.append(JobFlags(standing, isChosen: change.head.isChosen).rawValue)
    attempts.append(Int64(standing.attempt))
    lost.append(Int64(standing.lost))
    runAt.append(standing.runAt)
    firstRunAt.append(asked == standing.runAt ? nil : asked)
    started.append(standing.startedAt)
    finished.append(standing.finishedAt)
    expires.append(standing.state.isFinal ? standing.expires : nil)
    workers.append(nonEmpty: standing.workerID)
  }

  var values: [PostgresValue] {
    [seqs, states, flags, attempts, lost, runAt, firstRunAt, started, finished, expires, workers].map { .array($0) }
  }
}

struct CarriedRows {
  private var seqs = PostgresArray(.int8)
  private var results = PostgresArray(.bytea)
  private var carried = PostgresArray(.bytea)

  var isEmpty: Bool { seqs.isEmpty }

  mutating func append(_ seq: Int64, _ more: JobCarried) {
    seqs.append(seq)
    results.append(more.result.isEmpty ? nil : more.result)
    carried.append(CarriedRecord.bytes(more))
  }

  var values: [PostgresValue] { [.array(seqs), .array(results), .array(carried)] }
}

struct RunningRows {
  private var seqs = PostgresArray(.int8)
  private var tokens = PostgresArray(.int8)
  private var runAt = PostgresArray(.timestamptz)
  private var started = PostgresArray(.timestamptz)
  private var deadlines = PostgresArray(.timestamptz)
  private var windows = PostgresArray(.int8)
  private var attempts = PostgresArray(.int8)
  private var lost = PostgresArray(.int8)
  private var flags = PostgresArray(.int2)
  private var workers = PostgresArray(.text)

  var isEmpty: Bool { seqs.isEmpty }

  mutating func append(_ change: JobChange) {
    let standing = change.standing
    seqs.append(change.head.seq)
    tokens.append(Int64(bitPattern: standing.token))
    runAt.append(standing.runAt)
    started.append(standing.startedAt)
    deadlines.append(standing.deadline)
    windows.append(standing.resumeWindow.microseconds)
    attempts.append(Int64(standing.attempt))
    lost.append(Int64(standing.lost))
    flags.append(JobFlags(standing, isChosen: change.head.isChosen).rawValue)
    workers.append(standing.workerID)
  }

  var values: [PostgresValue] {
    [seqs, tokens, runAt, started, deadlines, windows, attempts, lost, flags, workers].map { .array($0) }
  }
}

struct QueueRows {
  private var names = PostgresArray(.text)
  private var paused = PostgresArray(.bool)
  private var succeeded = PostgresArray(.int8)
  private var failed = PostgresArray(.int8)
  private var ended = PostgresArray(.int8)
  private var dead = PostgresArray(.int8)
  private var used = PostgresArray(.timestamptz)

  var isEmpty: Bool { names.isEmpty }

  mutating func append(_ queue: StoredQueue) {
    names.append(queue.name)
    paused.append(queue.isPaused)
    succeeded.append(Int64(bitPattern: queue.succeeded))
    failed.append(Int64(bitPattern: queue.failed))
    ended.append(Int64(bitPattern: queue.ended))
    dead.append(Int64(bitPattern: queue.dead))
    used.append(queue.lastUsedAt)
  }

  var values: [PostgresValue] { [names, paused, succeeded, failed, ended, dead, used].map { .array($0) } }
}

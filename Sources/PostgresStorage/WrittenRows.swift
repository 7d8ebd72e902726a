import Jobs
import SQLRecords

/// The columns of the rows that a statement writes, in the order of its parameters.
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

  /// - Parameter standing: the one of a job that is not running.
  mutating func append(_ change: JobChange) {
    let head = change.head
    let job = head.job
    let isRunning = change.standing.state == .running
    let body = change.body ?? []
    seqs.append(head.seq)
    flags.append(
      isRunning
        ? (head.isChosen ? JobFlags.chosenID.rawValue : 0) : JobFlags(change.standing, isChosen: head.isChosen).rawValue
    )
    ids.append(job.id)
    queues.append(job.queue)
    names.append(job.name)
    priorities.append(Int16(job.priority))
    created.append(head.createdAt)
    runAt.append(isRunning ? job.runAt ?? head.createdAt : change.standing.runAt)
    sizes.append(Int64(job.payloadSize))
    // One that runs stands in `running`; here it is as it was before.
    states.append(Int16(isRunning ? JobState.ready.rawValue : change.standing.state.rawValue))
    bodies.append(body)
    sums.append(Checksum.of(body))
  }

  var values: [PostgresValue] {
    [seqs, flags, ids, queues, names, priorities, created, runAt, sizes, states, bodies, sums].map { .array($0) }
  }
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

  var isEmpty: Bool { fresh.isEmpty }

  mutating func append(_ change: JobChange) {
    fresh.append(change)
    let standing = change.standing
    let job = change.head.job
    if standing.state == .running {
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
      ].map { .array($0) }
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

import Jobs
import SQLRecords

/// Reads jobs from rows whose columns are `Statements.columns`.
struct Columns {
  /// The same names come row after row: their strings are made once.
  private var queue = ""
  private var name = ""
  private var worker = ""

  private static func damaged(_ seq: Int64) -> StoreError {
    StoreError(.unusable, "the row of job \(seq) in PostgreSQL is damaged")
  }

  mutating func standing(_ rows: PostgresResult, _ row: Int) throws(StoreError) -> JobStanding {
    guard let state = JobState(rawValue: UInt8(truncatingIfNeeded: rows.int16(row, 10))) else {
      throw Self.damaged(rows.int64(row, 0))
    }
    var standing = JobStanding(state: state, runAt: rows.time(row, 11))
    standing.attempt = UInt32(truncatingIfNeeded: rows.int64(row, 12))
    standing.lost = UInt32(truncatingIfNeeded: rows.int64(row, 13))
    let flags = JobFlags(rawValue: rows.isNull(row, 14) ? rows.int16(row, 1) : rows.int16(row, 14))
    standing.wasStarted = flags.contains(.wasStarted)
    standing.isUnbound = flags.contains(.isUnbound)
    standing.cancelRequested = flags.contains(.cancelRequested)
    standing.startedAt = rows.optionalTime(row, 15)
    if !rows.isNull(row, 16) {
      worker = rows.string(row, 16, like: worker)
      standing.workerID = worker
    }
    if state == .running {
      standing.token = UInt64(bitPattern: rows.int64(row, 17))
      standing.deadline = rows.optionalTime(row, 18)
      standing.resumeWindow = Interval(microseconds: rows.int64(row, 19))
    } else {
      standing.finishedAt = rows.optionalTime(row, 20)
      standing.expires = rows.optionalTime(row, 21) ?? .distantPast
    }
    return standing
  }

  /// It has a row in `running`.
  static func isAside(_ rows: PostgresResult, _ row: Int) -> Bool { !rows.isNull(row, 14) }

  private mutating func names(_ rows: PostgresResult, _ row: Int) {
    queue = rows.string(row, 3, like: queue)
    name = rows.string(row, 4, like: name)
  }

  private func options(_ rows: PostgresResult, _ row: Int) throws(StoreError) -> JobOptions {
    guard let options = OptionsRecord.options(rows.optionalBytes(row, 9)) else {
      throw Self.damaged(rows.int64(row, 0))
    }
    return options
  }

  /// How much of a job a row has: `Statements.columns`, with `Statements.carried` behind them, with `Statements.body` behind these.
  enum Extent: Comparable { case head, carried, all }

  mutating func job(_ rows: PostgresResult, _ row: Int, _ extent: Extent) throws(StoreError) -> StoredJob {
    names(rows, row)
    let isChosen = JobFlags(rawValue: rows.int16(row, 1)).contains(.chosenID)
    let head = JobHead(
      seq: rows.int64(row, 0),
      job: NewJob(
        id: rows.string(row, 2), queue: queue, name: name, priority: Int8(truncatingIfNeeded: rows.int16(row, 5)),
        runAt: rows.time(row, 7), options: try options(rows, row), payloadSize: Int(rows.int64(row, 8))),
      isChosen: isChosen, createdAt: rows.time(row, 6))
    var job = StoredJob(head: head, standing: try standing(rows, row))
    if extent >= .carried {
      let result = rows.optionalBytes(row, 22) ?? []
      guard let carried = CarriedRecord.carried(rows.optionalBytes(row, 23), result: result) else {
        throw Self.damaged(head.seq)
      }
      job.carried = carried
    }
    if extent >= .all {
      job.body = rows.bytes(row, 24)
      job.isDamaged = Checksum.of(job.body) != rows.int32(row, 25)
    }
    return job
  }

  mutating func loaded(_ rows: PostgresResult, _ row: Int) throws(StoreError) -> LoadedJob {
    names(rows, row)
    let flags = JobFlags(rawValue: rows.int16(row, 1))
    let createdAt = rows.time(row, 6)
    let runAt = rows.time(row, 7)
    let standing = try standing(rows, row)
    // As it was enqueued: the state makes that by itself.
    let plain = JobStanding(state: runAt > createdAt ? .scheduled : .ready, runAt: runAt)
    return LoadedJob(
      seq: rows.int64(row, 0), chosenID: flags.contains(.chosenID) ? rows.string(row, 2) : nil, queue: queue,
      name: name,
      priority: Int8(truncatingIfNeeded: rows.int16(row, 5)), createdAt: createdAt,
      payloadSize: Int(rows.int64(row, 8)),
      options: try options(rows, row), standing: standing == plain ? nil : standing, runAt: runAt)
  }
}

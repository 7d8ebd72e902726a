import Jobs
import SQLRecords

/// Reads jobs from rows.
struct MySQLColumns {
  /// How much of a job a row has.
  enum Extent: Comparable { case head, carried, all }

  static func columns(_ extent: Extent) -> String {
    """
    j.seq, j.flags, j.id, j.queue, j.name, j.priority, j.created_at, COALESCE(j.first_run_at, j.run_at), j.payload_size, \
    j.options, IF(r.seq IS NULL, j.state, 3), COALESCE(r.run_at, j.run_at), COALESCE(r.attempt, j.attempt), \
    COALESCE(r.lost, j.lost), COALESCE(r.flags, j.flags), IF(r.seq IS NULL, j.started_at, r.started_at), \
    COALESCE(r.worker_id, j.worker_id), IF(r.seq IS NULL, j.token, r.token), IF(r.seq IS NULL, j.deadline, r.deadline), \
    IF(r.seq IS NULL, j.resume_window, r.resume_window), j.finished_at, j.expires_at
    """ + (extent >= .carried ? ", j.result, j.carried" : "") + (extent >= .all ? ", j.body, j.body_sum" : "")
  }
  /// Always row by row through the primary key. What MariaDB knows of a table's size is old after a crash, perhaps from when it was empty: by that
  /// it would read all of it for every row of the other side.
  static let job = "gkick_job j FORCE INDEX (PRIMARY)"
  static let running = "gkick_running r FORCE INDEX (PRIMARY)"
  static let source = "FROM gkick_job j LEFT JOIN \(running) ON r.seq = j.seq"

  /// The same by that index, whatever the database believes of the tables' sizes.
  static func source(by index: String) -> String {
    "FROM gkick_job j FORCE INDEX (\(index)) LEFT JOIN \(running) ON r.seq = j.seq"
  }

  /// The same names come row after row: their strings are made once.
  private var queue = ""
  private var name = ""
  private var worker = ""

  private static func damaged(_ row: MySQLResult) -> StoreError {
    StoreError(.unusable, "the row of job \(row.int(0)) in MySQL is damaged")
  }

  private mutating func standing(_ row: MySQLResult) throws(StoreError) -> JobStanding {
    guard let state = JobState(rawValue: UInt8(truncatingIfNeeded: row.int(10))) else { throw Self.damaged(row) }
    var standing = JobStanding(state: state, runAt: row.time(11))
    standing.attempt = UInt32(truncatingIfNeeded: row.int(12))
    standing.lost = UInt32(truncatingIfNeeded: row.int(13))
    let flags = JobFlags(rawValue: Int16(truncatingIfNeeded: row.int(14)))
    standing.wasStarted = flags.contains(.wasStarted)
    standing.isUnbound = flags.contains(.isUnbound)
    standing.cancelRequested = flags.contains(.cancelRequested)
    standing.startedAt = row.optionalTime(15)
    worker = row.string(16, like: worker)
    standing.workerID = worker
    if state == .running {
      standing.token = UInt64(bitPattern: row.int(17))
      standing.deadline = row.optionalTime(18)
      standing.resumeWindow = Interval(microseconds: row.int(19))
    } else {
      standing.finishedAt = row.optionalTime(20)
      standing.expires = row.optionalTime(21) ?? .distantPast
    }
    return standing
  }

  mutating func job(_ row: MySQLResult, _ extent: Extent) throws(StoreError) -> StoredJob {
    queue = row.string(3, like: queue)
    name = row.string(4, like: name)
    guard let options = OptionsRecord.options(row.optionalBytes(9)) else { throw Self.damaged(row) }
    let flags = JobFlags(rawValue: Int16(truncatingIfNeeded: row.int(1)))
    let head = JobHead(
      seq: row.int(0),
      job: NewJob(
        id: row.string(2), queue: queue, name: name, priority: Int8(truncatingIfNeeded: row.int(5)), runAt: row.time(7),
        options: options, payloadSize: Int(row.int(8))),
      isChosen: flags.contains(.chosenID), createdAt: row.time(6))
    var job = StoredJob(head: head, standing: try standing(row))
    if extent >= .carried {
      guard let carried = CarriedRecord.carried(row.optionalBytes(23), result: row.bytes(22)) else {
        throw Self.damaged(row)
      }
      job.carried = carried
    }
    if extent >= .all {
      job.body = row.bytes(24)
      job.isDamaged = Int64(Checksum.of(job.body)) != row.int(25)
    }
    return job
  }
}

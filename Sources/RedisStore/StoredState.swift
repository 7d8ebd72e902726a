import Jobs

/// How a job stands, as bytes. See Scripts/job.lua.
struct StoredState {
  var state: JobState
  var cancelRequested: Bool
  var dropsStartBefore: Bool
  var attempt: UInt32
  var lost: UInt32
  var runAt: Timestamp
  var startedAt: Timestamp?
  var finishedAt: Timestamp?
  /// Of a running job's attempt; of a final one when it is forgotten.
  var deadline: Timestamp?
  var token: UInt64
  var workerID: String
  private var failures: PackedReader
  private var progress: PackedReader
  private var tail: PackedReader

  init(_ packed: PackedReader) throws(RedisFailure) {
    var reader = packed
    let code = try reader.uint8()
    guard let state = JobState(rawValue: code) else { throw .protocolError("a stored job has the state \(code)") }
    self.state = state
    let flags = try reader.uint8()
    cancelRequested = flags & 1 != 0
    dropsStartBefore = flags & 2 != 0
    attempt = try reader.uint32()
    lost = try reader.uint32()
    runAt = try reader.timestamp()
    startedAt = try reader.optionalTimestamp()
    finishedAt = try reader.optionalTimestamp()
    deadline = try reader.optionalTimestamp()
    token = try reader.uint64()
    let worker = try reader.uint16()
    let failures = Int(try reader.uint32())
    let progress = Int(try reader.uint32())
    let tail = Int(try reader.uint32())
    workerID = try reader.text(worker)
    self.failures = try reader.part(failures)
    self.progress = try reader.part(progress)
    self.tail = try reader.part(tail)
  }

  /// A job from what read.lua and list.lua say of it.
  static func record(
    seq: Int64, record: PackedReader, state packed: PackedReader, leaseUntil: Timestamp?
  ) throws(RedisFailure) -> JobRecord {
    if packed.isEmpty {
      let stored = try StoredRecord(record, dropsStartBefore: false)
      let runAt = stored.job.runAt ?? stored.createdAt
      return JobRecord(
        seq: seq, job: stored.job, state: runAt > stored.createdAt ? .scheduled : .ready, createdAt: stored.createdAt,
        runAt: runAt)
    }
    let state = try StoredState(packed)
    let stored = try StoredRecord(record, dropsStartBefore: state.dropsStartBefore)
    var job = JobRecord(
      seq: seq, job: stored.job, state: state.state, createdAt: stored.createdAt, runAt: state.runAt)
    job.attempt = state.attempt
    job.lost = state.lost
    job.startedAt = state.startedAt
    job.finishedAt = state.finishedAt
    job.cancelRequested = state.cancelRequested
    job.workerID = state.workerID
    if state.state == .running { job.leaseUntil = leaseUntil }
    if state.state == .succeeded {
      var tail = state.tail
      job.result = try tail.rest()
    }
    if !state.failures.isEmpty {
      var failures = state.failures
      for _ in 0..<(try failures.uint8()) {
        var failure = try failures.part(Int(try failures.uint32()))
        job.failures.append(try StoredFailure.read(&failure))
      }
    }
    if !state.progress.isEmpty {
      var progress = state.progress
      job.progress = try StoredProgress.read(&progress)
    }
    return job
  }

  /// A running job from its head and its state with the payload's size before it.
  static func held(head: PackedReader, state packed: PackedReader) throws(RedisFailure) -> HeldJob {
    var reader = head
    let head = try StoredHead(&reader)
    var rest = packed
    let size = Int(try rest.uint32())
    let state = try StoredState(rest)
    return HeldJob(
      lease: Lease(jobID: head.id, token: state.token), workerID: state.workerID, queue: head.queue, name: head.name,
      attempt: state.attempt, payloadSize: size, startedAt: state.startedAt ?? .distantPast, deadline: state.deadline,
      cancelRequested: state.cancelRequested)
  }
}

/// Time (8), attempt (4) and worker (length 2), which the scripts fill in; then what the worker said.
enum StoredFailure {
  /// Without what the scripts fill in.
  static func put(_ failure: Failure, into bytes: inout [UInt8]) {
    bytes.put(failure.retryable ? 1 : UInt8(0))
    bytes.put16(failure.type)
    bytes.put32(failure.message)
    bytes.put32(failure.backtrace)
  }

  static func read(_ reader: inout PackedReader) throws(RedisFailure) -> Failure {
    let at = try reader.timestamp()
    let attempt = try reader.uint32()
    let workerID = try reader.text16()
    let retryable = try reader.uint8() != 0
    return Failure(
      type: try reader.text16(), message: try reader.text32(), backtrace: try reader.text32(), retryable: retryable,
      at: at, attempt: attempt, workerID: workerID)
  }
}

/// Percent (4), time (8), which the scripts fill in, then the message.
enum StoredProgress {
  static func read(_ reader: inout PackedReader) throws(RedisFailure) -> Progress {
    let percent = try reader.uint32()
    let at = try reader.timestamp()
    return Progress(percent: percent, message: String(decoding: try reader.rest(), as: UTF8.self), at: at)
  }
}

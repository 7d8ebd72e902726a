import Jobs

/// A job's head, and its body unless that is large.
///
///     u8 format, u8 flags, i8 priority, createdAt, runAt, u32 payload size, queue, name, [chosen id], [options], body
enum HeadCodec {
  static let format: UInt8 = 1
  /// A larger body is kept in a field of its own, so that what only looks at the job does not copy it.
  static let bodyInside = 1024

  struct Flags: OptionSet {
    let rawValue: UInt8
    static let chosen = Flags(rawValue: 1)
    static let options = Flags(rawValue: 2)
  }

  struct Parts: OptionSet {
    let rawValue: UInt8
    static let timeout = Parts(rawValue: 1)
    static let startBefore = Parts(rawValue: 2)
    static let retention = Parts(rawValue: 4)
    static let unique = Parts(rawValue: 8)
    static let keys = Parts(rawValue: 16)
    static let dependencies = Parts(rawValue: 32)
    static let recurring = Parts(rawValue: 64)
    static let batch = Parts(rawValue: 128)
  }

  static func put(_ head: JobHead, body: [UInt8], into bytes: inout [UInt8]) {
    let job = head.job
    var flags: Flags = []
    if head.isChosen { flags.insert(.chosen) }
    if job.options !== JobOptions.standard { flags.insert(.options) }
    bytes.put(format)
    bytes.put(flags.rawValue)
    bytes.put(UInt8(bitPattern: job.priority))
    bytes.put(head.createdAt)
    bytes.put(job.runAt ?? head.createdAt)
    bytes.put(UInt32(clamping: job.payloadSize))
    bytes.put16(job.queue)
    bytes.put16(job.name)
    if head.isChosen { bytes.put16(job.id) }
    if flags.contains(.options) { put(job.options, into: &bytes) }
    if body.count <= bodyInside { bytes.append(contentsOf: body) }
  }

  private static func put(_ options: JobOptions, into bytes: inout [UInt8]) {
    var parts: Parts = []
    if options.timeout != nil { parts.insert(.timeout) }
    if options.startBefore != nil { parts.insert(.startBefore) }
    if options.retention != nil { parts.insert(.retention) }
    if options.unique != nil { parts.insert(.unique) }
    if !options.concurrencyKey.isEmpty || !options.fairnessKey.isEmpty { parts.insert(.keys) }
    if !options.dependsOn.isEmpty || options.onDependencyFailure != .cancel { parts.insert(.dependencies) }
    if !options.recurringJobID.isEmpty { parts.insert(.recurring) }
    if !options.batchID.isEmpty { parts.insert(.batch) }
    bytes.put(parts.rawValue)
    bytes.put(options.retry.maxAttempts)
    bytes.put(options.retry.maxLost)
    bytes.put(options.retry.initialBackoff)
    bytes.put(options.retry.maxBackoff)
    bytes.put(options.retry.multiplier)
    bytes.put(options.retry.jitter)
    if let timeout = options.timeout { bytes.put(timeout) }
    if let startBefore = options.startBefore { bytes.put(startBefore) }
    if let retention = options.retention { bytes.put(retention) }
    if let unique = options.unique {
      bytes.put16(unique.key)
      bytes.put(unique.onConflict.rawValue)
      bytes.put(unique.holdFor?.microseconds ?? -1)
    }
    if parts.contains(.keys) {
      bytes.put16(options.concurrencyKey)
      bytes.put16(options.fairnessKey)
    }
    if parts.contains(.dependencies) {
      bytes.put(options.onDependencyFailure.rawValue)
      bytes.put(UInt32(clamping: options.dependsOn.count))
      for id in options.dependsOn { bytes.put16(id) }
    }
    if parts.contains(.recurring) { bytes.put16(options.recurringJobID) }
    if parts.contains(.batch) { bytes.put16(options.batchID) }
  }

  /// What the loader and every reader need of a head; `rest` of the reader is the body.
  struct Fields {
    var priority: Int8
    var createdAt: Timestamp
    var runAt: Timestamp
    var payloadSize: Int
    var queue: String
    var name: String
    var chosenID: String?
    var options: JobOptions
  }

  static func fields(_ reader: inout PackedReader, _ texts: inout Texts) throws(RedisFailure) -> Fields {
    let format = try reader.uint8()
    guard format == Self.format else { throw .protocolError("a stored job is of format \(format)") }
    let flags = Flags(rawValue: try reader.uint8())
    return Fields(
      priority: Int8(bitPattern: try reader.uint8()), createdAt: try reader.timestamp(),
      runAt: try reader.timestamp(), payloadSize: Int(try reader.uint32()), queue: texts.queue(try reader.text16()),
      name: texts.name(try reader.text16()), chosenID: flags.contains(.chosen) ? try reader.text16() : nil,
      options: flags.contains(.options) ? try options(&reader) : .standard)
  }

  static func head(
    _ reader: inout PackedReader, seq: Int64, salt: UInt32, _ texts: inout Texts
  ) throws(RedisFailure) -> JobHead {
    let fields = try fields(&reader, &texts)
    let id = fields.chosenID ?? JobID.make(seq: seq, at: fields.createdAt, salt: salt)
    let job = NewJob(
      id: id, queue: fields.queue, name: fields.name, priority: fields.priority, runAt: fields.runAt,
      options: fields.options, payloadSize: fields.payloadSize)
    return JobHead(seq: seq, job: job, isChosen: fields.chosenID != nil, createdAt: fields.createdAt)
  }

  private static func options(_ reader: inout PackedReader) throws(RedisFailure) -> JobOptions {
    let parts = Parts(rawValue: try reader.uint8())
    var retry = RetryPolicy.standard
    retry.maxAttempts = try reader.uint32()
    retry.maxLost = try reader.uint32()
    retry.initialBackoff = try reader.interval()
    retry.maxBackoff = try reader.interval()
    retry.multiplier = try reader.double()
    retry.jitter = try reader.double()
    let timeout = parts.contains(.timeout) ? try reader.interval() : nil
    let startBefore = parts.contains(.startBefore) ? try reader.timestamp() : nil
    let retention = parts.contains(.retention) ? try reader.interval() : nil
    let unique = parts.contains(.unique) ? try uniqueness(&reader) : nil
    let concurrencyKey = parts.contains(.keys) ? try reader.text16() : ""
    let fairnessKey = parts.contains(.keys) ? try reader.text16() : ""
    var dependsOn: [String] = []
    var onFailure = OnDependencyFailure.cancel
    if parts.contains(.dependencies) {
      onFailure = OnDependencyFailure(rawValue: try reader.uint8()) ?? .cancel
      for _ in 0..<(try reader.uint32()) { dependsOn.append(try reader.text16()) }
    }
    let recurringJobID = parts.contains(.recurring) ? try reader.text16() : ""
    let batchID = parts.contains(.batch) ? try reader.text16() : ""
    return JobOptions(
      retry: retry, timeout: timeout, startBefore: startBefore, retention: retention, unique: unique,
      concurrencyKey: concurrencyKey, fairnessKey: fairnessKey, batchID: batchID, dependsOn: dependsOn,
      onDependencyFailure: onFailure, recurringJobID: recurringJobID)
  }

  private static func uniqueness(_ reader: inout PackedReader) throws(RedisFailure) -> Uniqueness {
    let key = try reader.text16()
    let onConflict = Uniqueness.OnConflict(rawValue: try reader.uint8()) ?? .keep
    let holdFor = try reader.interval()
    return Uniqueness(key: key, holdFor: holdFor.microseconds < 0 ? nil : holdFor, onConflict: onConflict)
  }
}

/// Jobs that follow each other are mostly of one queue and name: the same string is given again.
struct Texts {
  private var lastQueue = ""
  private var lastName = ""

  mutating func queue(_ text: String) -> String {
    if text != lastQueue { lastQueue = text }
    return lastQueue
  }

  mutating func name(_ text: String) -> String {
    if text != lastName { lastName = text }
    return lastName
  }
}

/// Where a job stands.
///
///     u8 state, u8 flags, u32 attempt, u32 lost, runAt, [startedAt], [token], [deadline], [resume window], [finishedAt, expires], worker
enum StandingCodec {
  struct Flags: OptionSet {
    let rawValue: UInt8
    static let cancelRequested = Flags(rawValue: 1)
    static let wasStarted = Flags(rawValue: 2)
    static let unbound = Flags(rawValue: 4)
    static let started = Flags(rawValue: 8)
    static let token = Flags(rawValue: 16)
    static let deadline = Flags(rawValue: 32)
    static let resume = Flags(rawValue: 64)
    static let end = Flags(rawValue: 128)
  }

  /// How a job stands that was enqueued and nothing else.
  static func first(runAt: Timestamp, createdAt: Timestamp) -> JobStanding {
    JobStanding(state: runAt > createdAt ? .scheduled : .ready, runAt: runAt)
  }

  static func put(_ standing: JobStanding, into bytes: inout [UInt8]) {
    var flags: Flags = []
    if standing.cancelRequested { flags.insert(.cancelRequested) }
    if standing.wasStarted { flags.insert(.wasStarted) }
    if standing.isUnbound { flags.insert(.unbound) }
    if standing.startedAt != nil { flags.insert(.started) }
    if standing.token != 0 { flags.insert(.token) }
    if standing.deadline != nil { flags.insert(.deadline) }
    if standing.resumeWindow != .zero { flags.insert(.resume) }
    if standing.finishedAt != nil || standing.expires != .distantPast { flags.insert(.end) }
    bytes.put(standing.state.rawValue)
    bytes.put(flags.rawValue)
    bytes.put(standing.attempt)
    bytes.put(standing.lost)
    bytes.put(standing.runAt)
    if let startedAt = standing.startedAt { bytes.put(startedAt) }
    if flags.contains(.token) { bytes.put(standing.token) }
    if let deadline = standing.deadline { bytes.put(deadline) }
    if flags.contains(.resume) { bytes.put(standing.resumeWindow) }
    if flags.contains(.end) {
      bytes.put(standing.finishedAt ?? .distantPast)
      bytes.put(standing.expires)
    }
    bytes.append(contentsOf: standing.workerID.utf8)
  }

  static func read(_ reader: inout PackedReader) throws(RedisFailure) -> JobStanding {
    let code = try reader.uint8()
    guard let state = JobState(rawValue: code) else { throw .protocolError("a stored job is in state \(code)") }
    let flags = Flags(rawValue: try reader.uint8())
    let attempt = try reader.uint32()
    let lost = try reader.uint32()
    var standing = JobStanding(state: state, runAt: try reader.timestamp())
    standing.attempt = attempt
    standing.lost = lost
    standing.cancelRequested = flags.contains(.cancelRequested)
    standing.wasStarted = flags.contains(.wasStarted)
    standing.isUnbound = flags.contains(.unbound)
    if flags.contains(.started) { standing.startedAt = try reader.timestamp() }
    if flags.contains(.token) { standing.token = try reader.uint64() }
    if flags.contains(.deadline) { standing.deadline = try reader.timestamp() }
    if flags.contains(.resume) { standing.resumeWindow = try reader.interval() }
    if flags.contains(.end) {
      standing.finishedAt = try reader.optionalTimestamp()
      standing.expires = try reader.timestamp()
    }
    standing.workerID = try reader.restText()
    return standing
  }
}

/// Result, failures, progress and reason.
enum CarriedCodec {
  static func put(_ carried: JobCarried, into bytes: inout [UInt8]) {
    bytes.put(UInt32(clamping: carried.result.count))
    bytes.append(contentsOf: carried.result)
    bytes.put16(carried.cancelReason)
    bytes.put(UInt8(clamping: carried.failures.count))
    for failure in carried.failures.prefix(255) { FailureCodec.put(failure, into: &bytes) }
    if let progress = carried.progress { ProgressCodec.put(progress, into: &bytes) }
  }

  static func read(_ reader: inout PackedReader) throws(RedisFailure) -> JobCarried {
    if reader.isEmpty { return .nothing }
    let result = try reader.raw(Int(try reader.uint32()))
    let cancelReason = try reader.text16()
    var failures: [Failure] = []
    for _ in 0..<(try reader.uint8()) { failures.append(try FailureCodec.read(&reader)) }
    let progress = reader.isEmpty ? nil : try ProgressCodec.read(&reader)
    return JobCarried(result: result, failures: failures, progress: progress, cancelReason: cancelReason)
  }
}

enum FailureCodec {
  static func put(_ failure: Failure, into bytes: inout [UInt8]) {
    bytes.put(failure.at)
    bytes.put(failure.attempt)
    bytes.put(failure.retryable ? 1 : UInt8(0))
    bytes.put16(failure.workerID)
    bytes.put16(failure.type)
    bytes.put32(failure.message)
    bytes.put32(failure.backtrace)
  }

  static func read(_ reader: inout PackedReader) throws(RedisFailure) -> Failure {
    let at = try reader.timestamp()
    let attempt = try reader.uint32()
    let retryable = try reader.uint8() != 0
    let workerID = try reader.text16()
    return Failure(
      type: try reader.text16(), message: try reader.text32(), backtrace: try reader.text32(), retryable: retryable,
      at: at, attempt: attempt, workerID: workerID)
  }
}

enum ProgressCodec {
  static func put(_ progress: Progress, into bytes: inout [UInt8]) {
    bytes.put(progress.percent)
    bytes.put(progress.at)
    bytes.put32(progress.message)
  }

  static func read(_ reader: inout PackedReader) throws(RedisFailure) -> Progress {
    let percent = try reader.uint32()
    let at = try reader.timestamp()
    return Progress(percent: percent, message: try reader.text32(), at: at)
  }
}

/// What is kept of a queue; its name is the field's.
enum QueueCodec {
  static func put(_ queue: StoredQueue, into bytes: inout [UInt8]) {
    bytes.put(queue.isPaused ? 1 : UInt8(0))
    bytes.put(queue.succeeded)
    bytes.put(queue.failed)
    bytes.put(queue.ended)
    bytes.put(queue.dead)
    bytes.put(queue.lastUsedAt)
  }

  static func read(_ name: String, _ reader: inout PackedReader) throws(RedisFailure) -> StoredQueue {
    var queue = StoredQueue(name: name)
    queue.isPaused = try reader.uint8() != 0
    queue.succeeded = try reader.uint64()
    queue.failed = try reader.uint64()
    queue.ended = try reader.uint64()
    queue.dead = try reader.uint64()
    queue.lastUsedAt = try reader.timestamp()
    return queue
  }
}

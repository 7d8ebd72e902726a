import Jobs

/// A job to be made later, as part of a document.
extension Packer {
  mutating func add(_ job: NewJob) {
    add(1)
    add(job.id)
    add(job.queue)
    add(job.name)
    add(signed: Int64(job.priority))
    add(optional: job.runAt?.microseconds)
    add(UInt64(job.payloadSize))
    add(job.body)
    add(job.options !== JobOptions.standard)
    if job.options !== JobOptions.standard { add(job.options) }
  }

  private mutating func add(_ options: JobOptions) {
    let retry = options.retry
    add(UInt64(retry.maxAttempts))
    add(signed: retry.initialBackoff.microseconds)
    add(signed: retry.maxBackoff.microseconds)
    add(retry.multiplier.bitPattern)
    add(retry.jitter.bitPattern)
    add(UInt64(retry.maxLost))
    add(optional: options.timeout?.microseconds)
    add(optional: options.startBefore?.microseconds)
    add(optional: options.retention?.microseconds)
    add(options.unique != nil)
    if let unique = options.unique {
      add(unique.key)
      add(optional: unique.holdFor?.microseconds)
      add(UInt64(unique.onConflict.rawValue))
    }
    add(options.concurrencyKey)
    add(options.fairnessKey)
    add(options.batchID)
    add(UInt64(options.dependsOn.count))
    for id in options.dependsOn { add(id) }
    add(UInt64(options.onDependencyFailure.rawValue))
    add(options.recurringJobID)
  }
}

/// Within which queues it may wait for others and join a batch.
extension Packer {
  mutating func add(scope: QueueScope?) {
    let patterns = scope?.patterns ?? []
    add(UInt64(patterns.count))
    for pattern in patterns { add(pattern.isPrefix ? pattern.text + "*" : pattern.text) }
  }
}

extension Unpacker {
  /// nil: these are no such bytes.
  mutating func scope() -> QueueScope?? {
    guard let count = number() else { return nil }
    var patterns: [QueuePattern] = []
    for _ in 0..<count {
      guard let word = text() else { return nil }
      patterns.append(QueuePattern(word))
    }
    return .some(QueueScope.of(patterns))
  }

  mutating func job() -> NewJob? {
    guard number() == 1, let id = text(), let queue = text(), let name = text(), let priority = signed(),
      let runAt = optional(), let payloadSize = number(), let body = data(), let hasOptions = flag(),
      let priority = Int8(exactly: priority), let payloadSize = Int(exactly: payloadSize)
    else { return nil }
    var options = JobOptions.standard
    if hasOptions {
      guard let read = self.options() else { return nil }
      options = read
    }
    return NewJob(
      id: id, queue: queue, name: name, priority: priority, runAt: runAt.map { Timestamp(microseconds: $0) },
      options: options, payloadSize: payloadSize, body: body)
  }

  private mutating func options() -> JobOptions? {
    guard let attempts = number(), let initial = signed(), let most = signed(), let multiplier = number(),
      let jitter = number(), let lost = number(), let timeout = optional(), let startBefore = optional(),
      let retention = optional(), let isUnique = flag()
    else { return nil }
    var unique: Uniqueness?
    if isUnique {
      guard let key = text(), let holdFor = optional(), let conflict = number(),
        let onConflict = UInt8(exactly: conflict).flatMap({ Uniqueness.OnConflict(rawValue: $0) })
      else { return nil }
      unique = Uniqueness(
        key: key, holdFor: holdFor.map { Interval(microseconds: $0) }, onConflict: onConflict)
    }
    guard let concurrencyKey = text(), let fairnessKey = text(), let batchID = text(), let count = number(),
      count <= 1_000
    else { return nil }
    var dependsOn: [String] = []
    for _ in 0..<count {
      guard let id = text() else { return nil }
      dependsOn.append(id)
    }
    guard let failure = number().flatMap({ UInt8(exactly: $0) }).flatMap({ OnDependencyFailure(rawValue: $0) }),
      let recurringJobID = text()
    else { return nil }
    var retry = RetryPolicy.standard
    retry.maxAttempts = UInt32(clamping: attempts)
    retry.initialBackoff = Interval(microseconds: initial)
    retry.maxBackoff = Interval(microseconds: most)
    retry.multiplier = Double(bitPattern: multiplier)
    retry.jitter = Double(bitPattern: jitter)
    retry.maxLost = UInt32(clamping: lost)
    return JobOptions(
      retry: retry, timeout: timeout.map { Interval(microseconds: $0) },
      startBefore: startBefore.map { Timestamp(microseconds: $0) },
      retention: retention.map { Interval(microseconds: $0) }, unique: unique, concurrencyKey: concurrencyKey,
      fairnessKey: fairnessKey, batchID: batchID, dependsOn: dependsOn, onDependencyFailure: failure,
      recurringJobID: recurringJobID)
  }
}

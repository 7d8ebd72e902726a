// What every storage needs that looks into jobs.

extension JobHead {
  /// Until when its unique key is kept even if the job is final; nil: only as long as it is not.
  public var holdsUntil: Timestamp? {
    guard let unique = job.options.unique, let span = unique.holdFor else { return nil }
    return createdAt + span
  }

  /// Where it stands as long as nothing happened to it, without dependencies.
  public var untouched: JobStanding {
    let runAt = job.runAt ?? createdAt
    return JobStanding(state: runAt > createdAt ? .scheduled : .ready, runAt: runAt)
  }
}

extension LoadedJob {
  public init(_ stored: StoredJob) {
    let head = stored.head
    self.init(
      seq: head.seq, chosenID: head.isChosen ? head.job.id : nil, queue: head.job.queue, name: head.job.name,
      priority: head.job.priority, createdAt: head.createdAt, payloadSize: head.job.payloadSize,
      options: head.job.options, standing: stored.standing == head.untouched ? nil : stored.standing,
      runAt: head.job.runAt ?? head.createdAt)
  }
}

extension JobQuery {
  /// Whether the job is one that is asked for; `before` is the storage's affair.
  public func takes(_ head: JobHead, _ state: JobState) -> Bool {
    let job = head.job
    return (queue.isEmpty || queue == job.queue) && scope.covers(job.queue)
      && (states.isEmpty || states.contains(state))
      && (name.isEmpty || name == job.name) && (createdBefore.map { head.createdAt < $0 } ?? true)
      && (batchID.isEmpty || batchID == job.options.batchID)
      && (concurrencyKey.isEmpty || concurrencyKey == job.options.concurrencyKey)
      && (fairnessKey.isEmpty || fairnessKey == job.options.fairnessKey)
      && (recurringJobID.isEmpty || recurringJobID == job.options.recurringJobID)
  }
}

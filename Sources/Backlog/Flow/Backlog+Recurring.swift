public import Jobs

extension Backlog {
  /// Times that are later than this when they come up were slept through: nobody was there.
  static let tolerance: Interval = .seconds(10)

  // MARK: Verbs

  public func putRecurring(_ recurring: RecurringJob, scope: QueueScope? = nil, now: Moment) -> RecurringView {
    let entry: RecurringEntry
    if let known = recurrings.byID[recurring.id] {
      entry = known
      entry.put(recurring, scope: scope, now: now.wall)
    } else {
      entry = RecurringEntry(number: recurrings.nextNumber, recurring, scope: scope, now: now.wall)
      recurrings.nextNumber += 1
      recurrings.insert(entry)
    }
    plan(entry)
    recurrings.touch(entry)
    return view(entry)
  }

  static let documentMark = "cron-file"

  /// What one document says there is, as a whole: those that an earlier one had and this one has not go; what has not changed stays as it is.
  public func replaceRecurring(_ document: RecurringDocument, now: Moment) {
    for entry in document.entries {
      var job = entry.job
      let known = recurrings.byID[job.id]
      if let known, !entry.saysWhetherPaused { job.isPaused = known.isPaused }
      if known?.isLike(job) != true { _ = putRecurring(job, now: now) }
    }
    let ids = Set(document.entries.map(\.job.id))
    for id in recurrings.fromDocument.subtracting(ids).sorted() { _ = deleteRecurring(id) }
    guard ids != recurrings.fromDocument else { return }
    recurrings.fromDocument = ids
    var packer = Packer()
    packer.add(UInt64(ids.count))
    for id in ids.sorted() { packer.add(id) }
    changedDocuments.append(
      Document(kind: .setting, key: Self.documentMark, bytes: ids.isEmpty ? nil : packer.bytes))
  }

  func loadDocumentMark(_ bytes: [UInt8]) {
    var unpacker = Unpacker(bytes)
    for _ in 0..<(unpacker.number() ?? 0) {
      guard let id = unpacker.text() else { return }
      recurrings.fromDocument.insert(id)
    }
  }

  /// Whether there is one of this id that makes jobs of another queue.
  public func isForeign(recurring id: String, to scope: QueueScope?) -> Bool {
    scope != nil && recurrings.byID[id].map { !scope.covers($0.job.queue) } ?? false
  }

  public func deleteRecurring(_ id: String) -> Bool {
    guard let entry = recurrings.byID[id] else { return false }
    recurrings.remove(entry)
    changedDocuments.append(Document(kind: .recurring, key: RecurringEntry.termsKey(id), bytes: nil))
    changedDocuments.append(Document(kind: .recurring, key: RecurringEntry.standingKey(id), bytes: nil))
    return true
  }

  /// Makes one job now. nil: there is no such recurring job.
  public func triggerRecurring(_ id: String, now: Moment) throws(StoreError) -> String? {
    guard let entry = recurrings.byID[id] else { return nil }
    return try make(entry, for: now.wall, id: "", now.wall)
  }

  /// By id, after `after`, at most `limit` and no more than `bytes` of jobs.
  public func recurring(after: String?, limit: Int, bytes: Int, scope: QueueScope? = nil) -> RecurringPage {
    let ids = recurrings.byID.keys.filter { id in after.map { $0 < id } ?? true }.sorted()
    var page = RecurringPage(jobs: [], next: nil)
    var size = 0
    for id in ids {
      guard let entry = recurrings.byID[id], scope.covers(entry.job.queue) else { continue }
      size += entry.job.body.count + 1_024
      if page.jobs.count == limit || (size > bytes && !page.jobs.isEmpty) {
        page.next = page.jobs.last?.job.id
        return page
      }
      page.jobs.append(view(entry))
    }
    return page
  }

  public func recurring(_ id: String) -> RecurringView? { recurrings.byID[id].map(view) }

  private func view(_ entry: RecurringEntry) -> RecurringView {
    entry.view { name in zones.rules(name) ?? TimeZoneRules.unknown(name) }
  }

  // MARK: Times

  private func plan(_ entry: RecurringEntry) {
    recurrings.set(entry, entry.isPaused ? nil : entry.next(after: entry.handledUntil))
  }

  /// Makes the jobs whose time has come, at most `limit`.
  func fire(now: Timestamp, limit: Int) throws(StoreError) -> Int {
    var count = 0
    while count < limit, let first = recurrings.times.first, first.at <= now.microseconds {
      guard let entry = recurrings.byNumber[first.seq], let time = entry.next else {
        recurrings.times.removeFirst()
        continue
      }
      guard try canFire(entry, isFirst: count == 0, now) else { break }
      count += 1
      try readingInLine { () throws(StoreError) in
        if now - time > Self.tolerance { return try catchUp(entry, now, limit: max(1, limit - count)) }
        try fire(entry, for: time, now)
        plan(entry)
      }
    }
    return count
  }

  private func fire(_ entry: RecurringEntry, for time: Timestamp, _ now: Timestamp) throws(StoreError) {
    entry.handledUntil = max(entry.handledUntil, time)
    recurrings.touch(entry)
    if entry.overlap == .skip, entry.isLastUnfinished {
      recurrings.figures.missed += 1
      return
    }
    recurrings.figures.fired += 1
    if now - time > .seconds(1) { recurrings.figures.late += 1 }
    _ = try make(entry, for: time, id: entry.jobID(for: time), now)
  }

  /// What is to be done about times that passed while nobody was there.
  private func catchUp(_ entry: RecurringEntry, _ now: Timestamp, limit: Int) throws(StoreError) {
    let passed = passed(entry, until: now)
    switch entry.missedRuns {
    case .skip:
      recurrings.figures.missed += UInt64(passed.count)
    case .one:
      recurrings.figures.missed += UInt64(max(0, passed.count - 1))
      if let last = passed.times.last { try fire(entry, for: last, now) }
    case .all:
      recurrings.figures.missed += UInt64(passed.count - passed.times.count)
      for time in passed.times { try fire(entry, for: time, now) }
    }
    entry.handledUntil = max(entry.handledUntil, now)
    recurrings.touch(entry)
    plan(entry)
  }

  /// The latest times up to now that are not dealt with, and how many there are.
  func passed(_ entry: RecurringEntry, until now: Timestamp) -> (times: [Timestamp], count: Int) {
    let most = entry.missedRuns == .all ? RecurringJob.maxMissed : 1
    var from = entry.handledUntil
    var skipped = 0
    if case .every(let interval) = entry.schedule {
      let all = (now - entry.anchor).microseconds / interval.microseconds
      let done = max(0, (from - entry.anchor).microseconds) / interval.microseconds
      let start = max(done, all - Int64(most))
      skipped = Int(start - done)
      from = Timestamp(microseconds: entry.anchor.microseconds + start * interval.microseconds)
    } else if let first = entry.next(after: from) {
      // Of a calendar, looked at from behind: a second's times of a year would be many.
      var span = Interval.seconds(Int64(most) * 2)
      while now - span > first {
        var count = 0
        var time = now - span
        while count < most, let next = entry.next(after: time), next <= now {
          time = next
          count += 1
        }
        if count >= most {
          from = now - span
          // Told in figures only: no more are counted than can be at once.
          var before: Timestamp? = first
          while skipped < 2_000, let time = before, time <= from {
            skipped += 1
            before = entry.next(after: time)
          }
          break
        }
        span = Interval(microseconds: span.microseconds * 4)
      }
    }
    var times: [Timestamp] = []
    var count = skipped
    while let next = entry.next(after: from), next <= now {
      times.append(next)
      count += 1
      from = next
      if times.count > 2 * most { times.removeFirst(times.count - most) }
    }
    return (Array(times.suffix(most)), count)
  }

  /// - Parameter id: empty: a new one.
  private func make(_ entry: RecurringEntry, for time: Timestamp, id: String, _ now: Timestamp) throws(StoreError)
    -> String
  {
    var job = entry.job
    job.id = id
    job.runAt = job.runAt ?? time
    job.options = job.options.with(recurringJobID: entry.id)
    let made = try enqueueOwn(job, by: .recurrence, scope: entry.scope, now)
    entry.lastRunAt = max(entry.lastRunAt ?? time, time)
    if let live = find(made), live.head.job.options.recurringJobID == entry.id {
      entry.lastSeq = live.seq
      entry.isLastUnfinished = !live.standing.state.isFinal
    }
    recurrings.touch(entry)
    return made
  }

  /// A job that a recurring one made is over, or (retried by hand) not any more.
  func noteRecurring(_ job: LiveJob, isUnfinished: Bool) {
    let id = job.head.job.options.recurringJobID
    guard !id.isEmpty, let entry = recurrings.byID[id], entry.lastSeq == job.seq else { return }
    entry.isLastUnfinished = isUnfinished
  }

  // MARK: Storing and loading

  func storeRecurring() {
    for entry in recurrings.touched {
      entry.isTouched = false
      guard recurrings.byNumber[entry.number] === entry else { continue }
      if entry.hasChanged {
        entry.hasChanged = false
        changedDocuments.append(entry.termsDocument)
      }
      changedDocuments.append(entry.standingDocument)
    }
    recurrings.touched.removeAll(keepingCapacity: true)
  }

  /// - Parameter unfinished: the recurring job's id and seq of each unfinished job that one made.
  func loadRecurring(
    terms: [String: [UInt8]], standings: [String: [UInt8]], unfinished: [(id: String, seq: Int64)], now: Timestamp
  ) throws(StoreError) {
    for (id, bytes) in terms.sorted(by: { $0.key < $1.key }) {
      guard let entry = RecurringEntry(number: recurrings.nextNumber, id: id, terms: bytes, zones: zones),
        standings[id].map({ entry.take(standing: $0) }) ?? true
      else {
        throw StoreError(.unusable, "the store is damaged: what is kept of recurring job \(id) cannot be read")
      }
      recurrings.nextNumber += 1
      recurrings.insert(entry)
      plan(entry)
      if let next = entry.next, next <= now { missedAtLoad.append(entry.number) }
    }
    for (id, seq) in unfinished {
      if let entry = recurrings.byID[id], entry.lastSeq == seq { entry.isLastUnfinished = true }
    }
  }

  /// One slice of those whose times passed before the state was loaded.
  func catchUp(now: Timestamp, limit: Int) throws(StoreError) -> Int {
    var count = 0
    while count < limit, let number = missedAtLoad.last {
      let entry = recurrings.byNumber[number]
      if let entry { guard try canFire(entry, isFirst: count == 0, now) else { break } }
      missedAtLoad.removeLast()
      count += 1
      guard let entry, let next = entry.next, next <= now else { continue }
      try readingInLine { () throws(StoreError) in try catchUp(entry, now, limit: limit) }
    }
    return count
  }
}

extension JobOptions {
  func with(recurringJobID: String) -> JobOptions {
    JobOptions(
      retry: retry, timeout: timeout, startBefore: startBefore, retention: retention, unique: unique,
      concurrencyKey: concurrencyKey, fairnessKey: fairnessKey, batchID: batchID, dependsOn: dependsOn,
      onDependencyFailure: onDependencyFailure, recurringJobID: recurringJobID)
  }
}

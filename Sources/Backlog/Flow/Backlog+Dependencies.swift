import Jobs

/// What a new job depends on.
struct Ties {
  /// All that are there, final ones too.
  private(set) var all: [DependencyGraph.Tie] = []
  /// How many of them it waits for.
  private(set) var open = 0
  /// Those that have ended otherwise than they should.
  private(set) var passed: [Int64] = []
  /// One of them, when that matters.
  var failed: LiveJob?

  mutating func reserve(_ count: Int) { if count > 0 { all.reserveCapacity(count) } }

  mutating func add(_ other: LiveJob) {
    let isOpen = !other.standing.state.isFinal
    all.append(DependencyGraph.Tie(seq: other.seq, isOpen: isOpen))
    if isOpen { open += 1 } else if other.standing.state != .succeeded { passed.append(other.seq) }
  }
}

/// Who makes a job. What the server makes, for a recurring job or as a batch's callback, is never refused.
enum JobMaker {
  case producer, recurrence, callback
}

/// Those who wait for a job that is done, and are yet to be told.
struct Cascade {
  var waiters: DependencyGraph.Waiters
  let seq: Int64
  let isSuccess: Bool
  /// The id of the job whose failure began it.
  let root: String
}

extension Backlog {
  static let dependencyFailure = "dependency"

  // MARK: New jobs

  /// Looks up what a job depends on; those that exist must be at hand.
  /// - Parameter scope: jobs of other queues are not there; nil: all queues.
  func tie(
    _ job: NewJob, replacing existing: LiveJob? = nil, by maker: JobMaker = .producer, scope: QueueScope? = nil,
    into ties: inout Ties
  ) -> EnqueueRefusal? {
    let options = job.options
    if isForeign(batch: options.batchID, to: scope) { return .foreignBatch(id: options.batchID) }
    if maker != .callback, !options.batchID.isEmpty, existing?.head.job.options.batchID != options.batchID,
      let refusal = closed(options.batchID)
    {
      return refusal
    }
    ties.reserve(options.dependsOn.count)
    for id in options.dependsOn {
      if id == job.id || id == existing?.id { return .circle }
      guard let other = find(id), scope.covers(other.head.job.queue) else { return .unknownDependency(id: id) }
      ties.add(other)
      let state = other.standing.state
      if state.isFinal, state != .succeeded, options.onDependencyFailure == .cancel, ties.failed == nil {
        ties.failed = other
      }
    }
    if let existing, ties.open > 0, graph.hasWaiters(existing.seq) {
      let followers = graph.followers(of: existing.seq)
      if ties.all.contains(where: { $0.isOpen && followers.contains($0.seq) }) { return .circle }
    }
    return nil
  }

  /// What the server makes itself is never refused: what it cannot join or wait for is left out, and so is what whoever asked for it may not know of.
  func unbound(_ job: NewJob, by maker: JobMaker, scope: QueueScope?) -> NewJob {
    var job = job
    let options = job.options
    let batch = batches.byID[options.batchID]
    // A closed batch takes callbacks of others as long as it is not finished itself.
    let takesNone = maker == .callback ? batch?.isOver : batch?.refuses
    let batchID = takesNone == true || isForeign(batch: options.batchID, to: scope) ? "" : options.batchID
    let dependsOn = options.dependsOn.filter { id in find(id).map { scope.covers($0.head.job.queue) } ?? false }
    if batchID != options.batchID || dependsOn.count < options.dependsOn.count {
      job.options = options.with(batchID: batchID, dependsOn: dependsOn)
    }
    return job
  }

  /// Likewise when it takes the place of a waiting job: what waits for that one is left out, as that one itself is.
  func unbound(_ job: NewJob, replacing existing: LiveJob) -> NewJob {
    let waiting = graph.followers(of: existing.seq).union([existing.seq])
    let options = job.options
    let dependsOn = options.dependsOn.filter { id in find(id).map { !waiting.contains($0.seq) } ?? false }
    guard dependsOn.count < options.dependsOn.count else { return job }
    var job = job
    job.options = options.with(batchID: options.batchID, dependsOn: dependsOn)
    return job
  }

  /// It waits from now on for those of them that are open, unless one has failed; those that it depends on are kept.
  /// - Parameter isPinning: false: they are kept for its sake already.
  func bind(_ job: LiveJob, _ ties: Ties, isPinning: Bool) {
    let waits = ties.open > 0 && ties.failed == nil
    if waits { job.standing.state = .blocked }
    graph.tie(
      job.seq, to: ties.all, open: waits ? ties.open : 0, isPinning: isPinning,
      runsAnyway: job.head.job.options.onDependencyFailure == .run)
    if waits { for other in ties.passed { graph.pass(job.seq, over: other) } }
  }

  /// A job that was over is not any more: those that depend on it and wait for others still wait for it again. Unless it waits for them itself,
  /// which nobody could see as long as it was over.
  func awaitAgain(_ job: LiveJob) {
    let waits = graph.takePast(job.seq).map {
      WantedWait(seq: $0, other: job.seq, runsAnyway: graph.runsAnyway($0))
    }
    // Only a job that waits can close a circle. Mostly it does not, and what follows from it need not be looked through.
    for wait in graph.open(job.seq) > 0 ? graph.withoutCircles(waits) : waits { graph.waitAlso(wait) }
  }

  /// It is over, or depends on others from now on.
  func unpin(_ job: LiveJob) {
    for id in job.head.job.options.dependsOn {
      if let seq = seq(ofDependency: id) { graph.unpin(seq) }
    }
  }

  /// The number of a job that another depends on, without looking whether it is still there.
  func seq(ofDependency id: String) -> Int64? {
    var found: Int64?
    if ids.count > 0 {
      ids.search(ids.hash(id)) { seq in
        found = seq
        return known[seq].map { $0.id == id } ?? graph.isPinned(seq)
      }
    }
    if let found { return found }
    guard let seq = JobID.seq(of: id, salt: salt), seq > 0, seq < nextSeq else { return nil }
    return seq
  }

  // MARK: All or nothing

  /// The order in which a group's jobs are taken in, so that each comes after those that it depends on; nil: as they are.
  func orderByDependencies(_ jobs: [NewJob]) -> [Int]? {
    guard jobs.contains(where: { !$0.options.dependsOn.isEmpty }) else { return nil }
    let places = placesByID(jobs)
    var isForward = false
    for (index, job) in jobs.enumerated() {
      for id in job.options.dependsOn { if let place = places[id], place > index { isForward = true } }
    }
    return isForward ? walk(jobs, places)?.order : nil
  }

  /// Which jobs of a group are new, by the ids that they ask for.
  private func placesByID(_ jobs: [NewJob]) -> [String: Int] {
    var places: [String: Int] = [:]
    for (index, job) in jobs.enumerated() where !job.id.isEmpty && places[job.id] == nil && find(job.id) == nil {
      places[job.id] = index
    }
    return places
  }

  /// Depth first, those depended on first. nil: there is a circle, in which `circle` is one.
  private func walk(_ jobs: [NewJob], _ places: [String: Int]) -> (order: [Int], circle: Set<Int>)? {
    var order: [Int] = []
    var state = [UInt8](repeating: 0, count: jobs.count)
    for start in jobs.indices where state[start] == 0 {
      var stack: [(index: Int, next: Int)] = [(start, 0)]
      state[start] = 1
      while let top = stack.last {
        let dependsOn = jobs[top.index].options.dependsOn
        guard top.next < dependsOn.count else {
          state[top.index] = 2
          order.append(top.index)
          stack.removeLast()
          continue
        }
        stack[stack.count - 1].next += 1
        // Of doubled ids only the first is a job.
        guard let other = places[dependsOn[top.next]], places[jobs[top.index].id] ?? top.index == top.index else {
          continue
        }
        if state[other] == 1 { return nil }
        if state[other] == 0 {
          state[other] = 1
          stack.append((other, 0))
        }
      }
    }
    return (order, [])
  }

  /// Takes a group in, in an order of its own, as if it were in the order given.
  func enqueue(_ jobs: [NewJob], in order: [Int], scope: QueueScope?, now: Timestamp) -> [EnqueueResult] {
    var results = jobs.map { _ in EnqueueResult.withdrawn }
    let first = nextSeq
    // An id that looks like ours may lie in the way of the numbers.
    let hasNumbers = !hasLookalikes && !jobs.contains { JobID.seq(of: $0.id, salt: salt) != nil }
    for index in order {
      results[index] = enqueue(
        jobs[index], number: hasNumbers ? first + Int64(index) : nil, scope: scope, now: now)
    }
    return results
  }

  /// What an all-or-nothing group gets when any of its jobs is rejected, nil when none is.
  /// - Parameter order: in which they would be taken in; nil: as they are.
  func rejections(
    in jobs: [NewJob], order: [Int]?, scope: QueueScope?, now: Timestamp
  ) -> [EnqueueResult]? {
    guard
      scope != nil
        || jobs.contains(where: { job in
          job.options !== JobOptions.standard || queues[job.queue]?.gate != nil
            || limits.entries[.queue(job.queue)] != nil
        })
    else { return nil }
    let places = placesByID(jobs)
    var trial = GroupTrial(
      of: self, circle: walk(jobs, places) == nil ? Set(places.keys) : [], scope: scope, now: now)
    var results = jobs.map { _ in EnqueueResult.withdrawn }
    var isRejected = false
    for place in order ?? Array(jobs.indices) {
      guard let rejection = trial.take(jobs[place]) else { continue }
      results[place] = rejection
      isRejected = true
    }
    return isRejected ? results : nil
  }

  // MARK: The end of one

  /// A job is final, or gone: those that wait for it are told in slices.
  func tellWaiters(of job: LiveJob, isSuccess: Bool, isGone: Bool) {
    guard graph.hasWaiters(job.seq) else { return }
    let root = cascadeRoot ?? job.id
    if isGone { markGone(job, root) }
    cascades.append(
      Cascade(waiters: graph.takeWaiters(job.seq), seq: job.seq, isSuccess: isSuccess, root: root))
  }

  /// Whoever loads the state before they are all told must know that it did not succeed.
  func markGone(_ job: LiveJob, _ root: String) {
    gone[job.id] = root
    var packer = Packer()
    packer.add(root)
    changedDocuments.append(Document(kind: .setting, key: Self.goneMark + job.id, bytes: packer.bytes))
    goneIDs.append((job.seq, job.id))
  }

  static let goneMark = "gone:"

  /// One slice: at most so many are told.
  func tellWaiters(now: Timestamp, limit: Int) throws(StoreError) -> Int {
    if cascades.isEmpty || limit == 0 { return 0 }
    let limit = try tellableWaiters(limit)
    return try readingInLine { () throws(StoreError) in try tell(now, limit) }
  }

  private func tell(_ now: Timestamp, _ limit: Int) throws(StoreError) -> Int {
    var told = 0
    while told < limit, !cascades.isEmpty {
      // Of all cascades together, so that what is not at hand is read in one batch.
      var changed: [(seq: Int64, cascade: Int)] = []
      var taken = 0
      while taken < cascades.count, changed.count < limit - told {
        while changed.count < limit - told, let seq = graph.next(&cascades[taken].waiters) {
          if !cascades[taken].isSuccess, !graph.runsAnyway(seq) {
            changed.append((seq, taken))
          } else if graph.count(down: seq) == 0 {
            changed.append((seq, taken))
          } else {
            if !cascades[taken].isSuccess { graph.pass(seq, over: cascades[taken].seq) }
            told += 1
          }
        }
        if cascades[taken].waiters.isEmpty { taken += 1 }
      }
      let slice = Array(cascades[..<min(cascades.count, taken + 1)])
      // Those of the slice that are told whole; what is told now may begin new ones behind them.
      cascades.removeFirst(taken)
      // Those that may start are claimed soon: then they need not be read again.
      try readWaiters(changed.compactMap { slice[$0.cascade].isSuccess ? $0.seq : nil }, bodies: true)
      try readWaiters(changed.compactMap { slice[$0.cascade].isSuccess ? nil : $0.seq }, bodies: false)
      for (seq, index) in changed {
        guard let job = known[seq] else { throw damaged(seq) }
        told += 1
        guard job.standing.state == .blocked, !job.isForgotten else { continue }
        cascadeRoot = slice[index].root
        if !slice[index].isSuccess, job.head.job.options.onDependencyFailure == .cancel {
          leave(job, now)
          cancel(job, becauseOf: slice[index].root, now)
        } else {
          unblock(job, now)
        }
        cascadeRoot = nil
      }
      for cascade in slice[..<taken] {
        guard let index = goneIDs.firstIndex(where: { $0.seq == cascade.seq }) else { continue }
        let id = goneIDs.remove(at: index).id
        gone[id] = nil
        changedDocuments.append(Document(kind: .setting, key: Self.goneMark + id, bytes: nil))
      }
    }
    return told
  }

  private func readWaiters(_ seqs: [Int64], bodies: Bool) throws(StoreError) {
    try read(
      seqs.filter { known[$0].map { $0.carried == nil || (bodies && $0.body == nil) } ?? true }, bodies: bodies)
  }

  /// All that it waited for are done.
  private func unblock(_ job: LiveJob, _ now: Timestamp) {
    leave(job, now)
    touch(job)
    job.standing.state = job.standing.runAt > now ? .scheduled : .ready
    enter(job, now)
    noteWaiting(job, now)
  }

  /// Its place must be left already.
  func cancel(_ job: LiveJob, becauseOf root: String, _ now: Timestamp) {
    touch(job)
    let before = cascadeRoot
    cascadeRoot = root
    defer { cascadeRoot = before }
    let failure = keep(
      Failure(
        type: Self.dependencyFailure, message: "job \(root), which it depends on, did not succeed", retryable: false),
      in: job, now: now)
    finish(job, as: .canceled, now: now)
    note(.canceled, job, now, detail: .failure(failure))
  }

  /// The job that began it, when one that was canceled for another's sake is why a new one is.
  func root(of failed: LiveJob) -> String {
    guard let last = failed.carried?.failures.last, last.type == Self.dependencyFailure else { return failed.id }
    let words = last.message.split(separator: " ")
    guard words.count > 1 else { return failed.id }
    return words[1].hasSuffix(",") ? String(words[1].dropLast()) : failed.id
  }

  // MARK: After a load

  /// A job that was loaded: what it waits for is known only when all are.
  struct LoadedTies {
    var seq: Int64
    var options: JobOptions
    var isBlocked: Bool
    /// It was retried by hand.
    var isUnbound: Bool

    var runsAnyway: Bool { options.onDependencyFailure == .run }
    /// What has ended without success did not end it.
    var passesOver: Bool { runsAnyway || isUnbound }
  }

  /// - Parameter unfinished: all loaded jobs, by rising seq.
  func tieLoaded(_ ties: [LoadedTies], unfinished: ContiguousArray<Int64>) {
    let again = Set(ties.lazy.filter { $0.isBlocked && $0.isUnbound }.map(\.seq))
    // Of those that were over once and wait for others now: these may wait for those that depend on them, see `awaitAgain`.
    var doubted: [WantedWait] = []
    for tie in ties {
      var open: [Int64] = []
      var over: [Int64] = []
      for id in tie.options.dependsOn {
        guard let seq = seq(ofDependency: id) else { continue }
        graph.pin(seq)
        guard tie.isBlocked else { continue }
        if !unfinished.holds(seq) {
          over.append(seq)
        } else if tie.passesOver, again.contains(seq) {
          doubted.append(WantedWait(seq: tie.seq, other: seq, runsAnyway: tie.runsAnyway))
        } else {
          open.append(seq)
        }
      }
      guard tie.isBlocked else { continue }
      graph.block(tie.seq, on: open, runsAnyway: tie.runsAnyway)
      if tie.passesOver { for other in over { graph.pass(tie.seq, over: other) } }
      // The others are over: how they ended is yet to be seen, if those who wait had not all been told.
      if open.count < tie.options.dependsOn.count { doubtful.append(tie.seq) }
    }
    for wait in graph.withoutCircles(doubted) { graph.waitAlso(wait) }
  }

  /// One slice of those that waited, at the load, for jobs which were over by then.
  func settleDoubtful(now: Timestamp, limit: Int) throws(StoreError) -> Int {
    guard !doubtful.isEmpty else { return 0 }
    let slice = Array(doubtful.suffix(limit))
    try read(slice, bodies: false)
    var seqs: [Int64] = []
    for seq in slice {
      for id in known[seq]?.head.job.options.dependsOn ?? [] { gather(id, into: &seqs) }
    }
    try read(seqs, bodies: false)
    doubtful.removeLast(slice.count)
    for seq in slice {
      guard let job = known[seq], job.standing.state == .blocked, !job.isForgotten else { continue }
      var failed: String?
      if job.head.job.options.onDependencyFailure == .cancel, !job.standing.isUnbound {
        for id in job.head.job.options.dependsOn {
          if let other = find(id) {
            if other.standing.state.isFinal, other.standing.state != .succeeded { failed = failed ?? root(of: other) }
          } else if let root = gone[id] {
            failed = failed ?? root
          }
        }
      }
      if let failed {
        leave(job, now)
        cancel(job, becauseOf: failed, now)
      } else if graph.open(seq) == 0 {
        unblock(job, now)
      }
    }
    if doubtful.isEmpty {
      for id in gone.keys where !goneIDs.contains(where: { $0.id == id }) {
        changedDocuments.append(Document(kind: .setting, key: Self.goneMark + id, bytes: nil))
        gone[id] = nil
      }
    }
    return slice.count
  }
}

extension JobOptions {
  /// The same in another batch, depending on others.
  func with(batchID: String, dependsOn: [String]) -> JobOptions {
    JobOptions(
      retry: retry, timeout: timeout, startBefore: startBefore, retention: retention, unique: unique,
      concurrencyKey: concurrencyKey, fairnessKey: fairnessKey, batchID: batchID, dependsOn: dependsOn,
      onDependencyFailure: onDependencyFailure, recurringJobID: recurringJobID)
  }
}

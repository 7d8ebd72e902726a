import Backlog
import Jobs

/// What workers hold: leases given out, renewed, given back, taken over and lost. Renewals are in the extension.
final class Leases {
  private struct Deadline {
    var session: WorkerSession
    var token: UInt64
  }

  /// So long may a worker that is back leave out one of its jobs of before and still end it.
  static let unnamedGrace = Interval.seconds(2)

  let configuration: EngineConfiguration
  let table: WorkerTable
  private let balancer: LoadBalancer
  private let ledger: QueueLedger
  private let random: Randomness
  private var deadlines = TimerHeap<Deadline>()
  private var deadlinesAllowed = 4_096
  /// Ends of leases that the engine itself wants, until a commit has them.
  var orphans: [Settlement] = []

  init(
    configuration: EngineConfiguration, table: WorkerTable, balancer: LoadBalancer, ledger: QueueLedger,
    random: Randomness
  ) {
    self.configuration = configuration
    self.table = table
    self.balancer = balancer
    self.ledger = ledger
    self.random = random
  }

  /// The session of a worker that holds a lease.
  func holder(of token: UInt64, workerID: String) -> WorkerSession? {
    if let session = table.streams[workerID], session.held.contains(token) { return session }
    if let session = table.pollers[workerID], session.held.contains(token) { return session }
    return nil
  }

  /// The same when the worker is not known: looks at everybody. For rare cases only.
  func holder(of token: UInt64) -> WorkerSession? {
    for session in table.streams.values where session.held.contains(token) { return session }
    for session in table.pollers.values where session.held.contains(token) { return session }
    return nil
  }

  // MARK: Given out

  /// Hands a claim's jobs to their takers.
  func assign(_ result: Dealt, tick: Tick) {
    for job in result.jobs {
      let taker = balancer.dealtTo[job.worker]
      let session = taker.worker
      if let fetch = taker.fetch {
        let size = job.messageSize
        if !fetch.jobs.isEmpty, fetch.messageSize + size > EngineConfiguration.fetchBytes {
          // It would make the answer one that stock clients refuse: given back as if it had never been claimed.
          orphans.append(Settlement(lease: job.lease, outcome: .unconfirmed))
          continue
        }
        fetch.messageSize += size
      }
      taker.got += 1
      let queue = ledger.number(of: job.job.queue)
      ledger.started(queue, waited: tick.wall - job.readyAt)
      if let fetch = taker.fetch {
        if fetch.jobs.isEmpty { tick.answeredFetches.append(taker) }
        fetch.jobs.append(job)
        hold(job, seq: 0, until: tick.now + fetch.lease, by: session, now: tick.now)
      } else {
        // The number of the message is put in when it is sent.
        hold(job, seq: HeldLease.unsaid, until: tick.now + session.lease, by: session, now: tick.now)
        if job.isRated {
          session.out.unstored.append((tick.number, job))
          tick.holdsJobs = true
        } else {
          if session.out.jobs.isEmpty { session.out.jobs.reserveCapacity(taker.dealt) }
          session.out.jobs.append(job)
        }
        tick.touch(session)
      }
    }
  }

  func hold(_ job: ClaimedJob, seq: UInt64, until: Instant, by session: WorkerSession, now: Instant) {
    let deadline = job.job.options.timeout.map { now + $0 }
    let held = HeldLease(
      token: job.lease.token, jobID: job.lease.jobID, seq: seq, attempt: job.attempt,
      queue: ledger.number(of: job.job.queue), payloadSize: job.job.payloadSize, startedAt: now, deadline: deadline)
    session.hold(consume held, until: until)
    if let deadline { watch(deadline, session, job.lease.token) }
  }

  /// Takes over a lease that the store says is this worker's.
  func adopt(_ job: RunningJob, until: Instant, by session: WorkerSession, tick: Tick) {
    guard !session.held.contains(job.lease.token) else { return }
    var held = HeldLease(
      token: job.lease.token, jobID: job.lease.jobID, seq: 0, attempt: job.attempt,
      queue: ledger.number(of: job.queue), payloadSize: job.payloadSize,
      startedAt: tick.now - max(.zero, tick.wall - job.startedAt),
      deadline: job.deadline)
    if job.cancelRequested { held.stop = .canceled("") }
    session.hold(held, until: until)
    if let deadline = job.deadline { watch(deadline, session, job.lease.token) }
    tick.touch(session)
  }

  /// Jobs that were not said yet to this session go back, the newest first: as if they had never been given out.
  func takeBackUnsaid(_ session: WorkerSession, most: Int = .max) {
    let unstored = min(max(0, most), session.out.unstored.count)
    let count = min(max(0, most) - unstored, session.out.jobs.count)
    for job in session.out.unstored.suffix(unstored).map(\.job) + session.out.jobs.suffix(count) {
      _ = session.drop(job.lease.token)
      orphans.append(Settlement(lease: job.lease, outcome: .unconfirmed))
    }
    session.out.unstored.removeLast(unstored)
    session.out.jobs.removeLast(count)
    if unstored + count > 0 { session.forgetUnsaid() }
    session.countFreeSlots()
  }

  /// The same of a call that is not answered yet.
  func takeBack(_ fetch: WaitingFetch, from worker: WorkerSession) {
    for job in fetch.jobs where worker.drop(job.lease.token) != nil {
      orphans.append(Settlement(lease: job.lease, outcome: .unconfirmed))
    }
  }

  /// Who called has gone, and hears of it no more.
  func takeBackFetched(_ said: Said, from route: Route) {
    guard let place = said.fetched.firstIndex(where: { $0.fetch.route == route }) else { return }
    let (worker, fetch) = said.fetched.remove(at: place)
    takeBack(fetch, from: worker)
  }

  // MARK: Given back

  /// Takes a lease out of a session's hands, whatever the reason.
  func release(_ token: UInt64, from session: WorkerSession, tick: Tick) -> HeldLease? {
    guard let place = session.held.find(token) else { return nil }
    return release(at: place, from: session, tick: tick)
  }

  /// The same of one that was found.
  func release(at place: Int, from session: WorkerSession, tick: Tick) -> HeldLease {
    let held = session.drop(at: place)
    if !held.isSaid {
      session.out.jobs.removeAll { $0.lease.token == held.token }
      session.out.unstored.removeAll { $0.job.lease.token == held.token }
      session.forgetUnsaid()
    }
    session.taker?.isBytesFull = false
    tick.touch(session)
    return held
  }

  /// What a worker says became of an assignment: its slot is free at once.
  func take(
    _ outcome: WorkerOutcome, from session: WorkerSession?, scope: QueueScope?, owner: Said.SettleOrigin.Owner,
    tick: Tick
  ) {
    let held = session.flatMap { release(outcome.lease, from: $0, tick: tick) }
    if let session { tick.touch(session) }
    session?.unanswered += 1
    tick.said.settlements.append(
      Settlement(
        lease: outcome.lease, outcome: settled(outcome.how, held, session?.id ?? "", tick: tick), scope: scope))
    let queue = held?.queue
    let startedAt = held?.startedAt ?? Instant.distantPast
    tick.said.settleOrigins.append(
      Said.SettleOrigin(owner: owner, held: consume held, queue: queue, startedAt: startedAt, session: session))
  }

  /// nil: it does not hold this one.
  private func release(_ lease: Lease, from session: WorkerSession, tick: Tick) -> HeldLease? {
    guard let place = session.held.find(lease.token), session.held[at: place].jobID == lease.jobID else { return nil }
    return release(at: place, from: session, tick: tick)
  }

  private func settled(
    _ how: WorkerOutcome.How, _ held: HeldLease?, _ workerID: String, tick: Tick
  ) -> Settlement.Outcome {
    switch how {
    case .success(let result): return .succeeded(result: result)
    case .failure(var failure):
      failure.at = tick.wall
      failure.workerID = workerID
      failure.attempt = held?.attempt ?? failure.attempt
      return .failed(failure, draw: random.draw())
    case .release(let delay): return .released(delay: delay)
    // Answered before it comes here.
    case .refused: return .unconfirmed
    case .canceled:
      guard held?.timedOut ?? false else { return .canceled(draw: random.draw()) }
      let failure = Failure(
        type: "timeout", message: "the attempt's time was over", at: tick.wall, attempt: held?.attempt ?? 0,
        workerID: workerID)
      return .failed(failure, draw: random.draw())
    }
  }

  // MARK: Stopped and lost

  /// Tells whoever holds a lease to stop.
  func stop(_ session: WorkerSession, _ token: UInt64, _ reason: CancelNotice.Reason, tick: Tick) {
    guard let place = session.held.find(token) else { return }
    session.held[at: place].stop = reason
    guard session.isConnected else { return }
    session.out.notices.append(CancelNotice(lease: session.held[at: place].lease, reason: reason))
    tick.touch(session)
  }

  /// A lease turned out not to be the session's any more.
  func lose(_ lease: Lease, _ session: WorkerSession, tick: Tick) {
    let isSaid = release(lease.token, from: session, tick: tick)?.isSaid ?? true
    if isSaid, session.isConnected {
      session.out.lost.append(CancelNotice(lease: lease, reason: .leaseLost))
      tick.touch(session)
    }
  }

  /// Leases whose time was over were ended.
  func lapsed(_ leases: [LapsedLease], tick: Tick) {
    for lapsed in leases {
      if let session = holder(of: lapsed.lease.token, workerID: lapsed.workerID) {
        if lapsed.state != .canceled { session.lostTotal += 1 }
        lose(lapsed.lease, session, tick: tick)
      }
    }
  }

  private func watch(_ deadline: Instant, _ session: WorkerSession, _ token: UInt64) {
    deadlines.add(Deadline(session: session, token: token), at: deadline)
    if deadlines.count > deadlinesAllowed {
      // Most attempts end long before their deadline: their entries must not pile up.
      deadlines.keep { $0.session.held.contains($0.token) }
      deadlinesAllowed = max(4_096, 2 * deadlines.count)
    }
  }

  /// When the time of an attempt is over next, if it is still held then.
  var nextDeadline: Instant? { deadlines.next }

  /// Attempts whose time is over are told to stop.
  func stopOverdue(tick: Tick) {
    while let entry = deadlines.pop(until: tick.now) {
      let deadline = entry.payload
      guard let place = deadline.session.held.find(deadline.token), deadline.session.held[at: place].stop == nil else {
        continue
      }
      stop(deadline.session, deadline.token, .timeout, tick: tick)
    }
  }
}

import Backlog
import Jobs

/// Knows every worker: its session, what it holds, when it was heard of, and what is to be said to it.
/// Here are the tables; what workers do is in the extensions.
final class WorkerRegistry {
  enum Alarm {
    case session(WorkerSession)
    case fetch(Taker)
  }
  struct Deadline {
    var session: WorkerSession
    var token: UInt64
  }

  let configuration: EngineConfiguration
  let balancer: LoadBalancer
  let ledger: QueueLedger
  let random: Randomness

  var byRoute: [Route: WorkerSession] = [:]
  /// By id: connected or away.
  var streams: [String: WorkerSession] = [:]
  /// By id: known by Fetch and Report.
  var pollers: [String: WorkerSession] = [:]
  var fetches: [Route: Taker] = [:]
  private var numbers: UInt64 = 0

  var alarms = TimerHeap<Alarm>()
  var deadlines = TimerHeap<Deadline>()
  private var deadlinesAllowed = 4_096

  /// Ends of leases that the engine itself wants, until a commit has them.
  var orphans: [Settlement] = []
  /// Workers that came and went, until a commit has them.
  var unrecorded: [Event] = []
  var isDraining = false

  /// Rises when workers come, go or drain.
  var version = 0
  init(configuration: EngineConfiguration, balancer: LoadBalancer, ledger: QueueLedger, random: Randomness) {
    self.configuration = configuration
    self.balancer = balancer
    self.ledger = ledger
    self.random = random
  }

  func nextNumber() -> UInt64 {
    numbers += 1
    return numbers
  }

  /// All sessions, the oldest first.
  var all: [WorkerSession] {
    (Array(streams.values) + Array(pollers.values)).sorted { $0.number < $1.number }
  }

  /// The session of a worker that holds a lease.
  func holder(of token: UInt64, workerID: String) -> WorkerSession? {
    if let session = streams[workerID], session.held.contains(token) { return session }
    if let session = pollers[workerID], session.held.contains(token) { return session }
    return nil
  }

  /// The same when the worker is not known: looks at everybody. For rare cases only.
  func holder(of token: UInt64) -> WorkerSession? {
    for session in streams.values where session.held.contains(token) { return session }
    for session in pollers.values where session.held.contains(token) { return session }
    return nil
  }

  func noteWorker(_ kind: Event.Kind, _ session: WorkerSession, now: Timestamp) {
    version += 1
    unrecorded.append(Event(kind: kind, at: now, workerID: session.id))
  }

  // MARK: Slots

  /// Puts a stream session's free slots right.
  func refresh(_ session: WorkerSession) {
    guard let taker = session.taker else { return }
    let free = session.isSilent || taker.isBytesFull ? 0 : max(0, session.most - session.held.count)
    taker.set(free: free, of: session.most)
    session.group.heap.moved(taker)
  }

  /// Puts right what a claim was made up with.
  func restore(_ taker: Taker) {
    guard let fetch = taker.fetch else { return refresh(taker.worker) }
    taker.set(free: fetch.jobs.isEmpty ? fetch.most : 0, of: max(1, fetch.most))
    taker.group?.heap.moved(taker)
  }

  func leaveGroup(_ session: WorkerSession) {
    if let taker = session.taker {
      session.group.heap.remove(taker)
      session.taker = nil
      session.group.members -= 1
    }
  }

  /// Takes a lease out of a session's hands, whatever the reason.
  func release(_ token: UInt64, from session: WorkerSession, tick: Tick) -> HeldLease? {
    guard let place = session.held.find(token) else { return nil }
    return release(at: place, from: session, tick: tick)
  }

  /// The same of one that was found.
  func release(at place: Int, from session: WorkerSession, tick: Tick) -> HeldLease {
    let held = session.drop(at: place)
    if !held.isSaid { session.outJobs.removeAll { $0.lease.token == held.token } }
    session.taker?.isBytesFull = false
    tick.touch(session)
    return held
  }

  // MARK: Leases

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

  private func watch(_ deadline: Instant, _ session: WorkerSession, _ token: UInt64) {
    deadlines.add(Deadline(session: session, token: token), at: deadline)
    if deadlines.count > deadlinesAllowed {
      // Most attempts end long before their deadline: their entries must not pile up.
      deadlines.keep { $0.session.held.contains($0.token) }
      deadlinesAllowed = max(4_096, 2 * deadlines.count)
    }
  }

  /// Tells whoever holds a lease to stop.
  func stop(_ session: WorkerSession, _ token: UInt64, _ reason: CancelNotice.Reason, tick: Tick) {
    guard let place = session.held.find(token) else { return }
    session.held[at: place].stop = reason
    guard session.isConnected else { return }
    session.outNotices.append(CancelNotice(lease: session.held[at: place].lease, reason: reason))
    tick.touch(session)
  }

  /// A lease turned out not to be the session's any more.
  func lose(_ lease: Lease, _ session: WorkerSession, tick: Tick) {
    let isSaid = release(lease.token, from: session, tick: tick)?.isSaid ?? true
    if isSaid, session.isConnected {
      session.outLost.append(CancelNotice(lease: lease, reason: .leaseLost))
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

  // MARK: Assignments

  /// Hands a claim's jobs to their takers.
  func assign(_ result: Dealt, tick: Tick) {
    for job in result.jobs {
      let taker = balancer.dealtTo[job.worker]
      let session = taker.worker
      if let fetch = taker.fetch {
        let size = job.messageSize
        if !fetch.jobs.isEmpty, fetch.messageSize + size > MessageSize.answer {
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
        if session.outJobs.isEmpty { session.outJobs.reserveCapacity(taker.dealt) }
        session.outJobs.append(job)
        tick.touch(session)
      }
    }
  }

  /// Jobs that were not said yet to this session go back, the newest first: as if they had never been given out.
  func takeBackUnsaid(_ session: WorkerSession, most: Int = .max) {
    let count = min(max(0, most), session.outJobs.count)
    for job in session.outJobs.suffix(count) {
      _ = session.drop(job.lease.token)
      orphans.append(Settlement(lease: job.lease, outcome: .unconfirmed))
    }
    session.outJobs.removeLast(count)
    refresh(session)
  }

  // MARK: A storage that failed

  /// The tick cannot be decided. Who came in it is sent away to come again; what those had before is kept for them. What Fetches
  /// were given is not so.
  func turnAway(_ error: StoreError, tick: Tick) {
    for taker in tick.answeredFetches {
      guard let fetch = taker.fetch, !fetch.isAnswered else { continue }
      for job in fetch.jobs { _ = taker.worker.drop(job.lease.token) }
      tick.early.append(.reply(fetch.route, .failed(error)))
      endFetch(taker)
    }
    for session in tick.connecting.reversed() {
      if let route = session.route {
        tick.early.append(.endSession(route, .failed(error)))
        byRoute[route] = nil
        session.route = nil
      }
      if session.isConnected {
        leaveGroup(session)
        noteWorker(.workerDisconnected, session, now: tick.wall)
      }
      session.outWelcome = nil
      session.outDrain = false
      var old = session.predecessor
      while let older = old?.predecessor {
        old?.predecessor = nil
        old = older
      }
      session.predecessor = nil
      if let old, !old.isGone {
        session.presence = .gone
        streams[session.id] = old
      } else if session.held.isEmpty {
        session.presence = .gone
        if streams[session.id] === session { streams[session.id] = nil }
      } else {
        goAway(session, until: tick.now + session.lease)
      }
    }
  }

  /// The state was loaded anew: what sessions hold is put right with it.
  func reconcile(_ backlog: Backlog, tick: Tick) {
    for session in all where !session.isGone {
      for held in session.held.leases {
        if backlog.holds(held.lease, workerID: session.id) {
          let until = tick.now + max(session.lease, session.isConnected ? .zero : session.resumeWindow ?? .zero)
          tick.extend(held.lease, until: until, for: .renewal(session))
        } else {
          lose(held.lease, session, tick: tick)
        }
      }
      session.leasesUntil = tick.now + session.lease
      refresh(session)
    }
  }

  // MARK: What is said

  /// Assignments, welcomes and heartbeats: may leave before the commit.
  func flushEarly(tick: Tick) {
    for session in tick.touched where session.isConnected {
      guard let route = session.route,
        session.outWelcome != nil || !session.outJobs.isEmpty || !session.outLost.isEmpty || session.outDrain
      else { continue }
      if session.canWaitForResults {
        tick.holdsJobs = true
        continue
      }
      let lost = session.outLost
      session.outLost = []
      send(to: session, route, cancellations: lost, now: tick.now, into: &tick.early)
    }
    for taker in tick.answeredFetches {
      guard let fetch = taker.fetch, !fetch.isAnswered else { continue }
      tick.early.append(.reply(fetch.route, .fetched(fetch.jobs, lease: fetch.lease)))
      endFetch(taker)
    }
  }

  /// Says what there is to say, in as few messages as it fits: each is measured whole.
  private func send(
    to session: WorkerSession, _ route: Route, cancellations: [CancelNotice], now: Instant,
    into effects: inout [Effect]
  ) {
    var jobs = session.outJobs[...]
    var results = session.outResults[...]
    var cancellations = cancellations[...]
    session.outJobs = []
    session.outResults = []
    repeat {
      var room = MessageSize.update
      if let welcome = session.outWelcome { room -= welcome.lost.reduce(0) { $0 + $1.messageSize } }
      let saidResults = Self.cut(&results, &room) { $0.messageSize }
      let saidCancellations = Self.cut(&cancellations, &room) { $0.messageSize }
      // One job is always allowed, but not beside much else.
      let isFull = room < MessageSize.update / 2
      let saidJobs = isFull ? [] : Self.cut(&jobs, &room, atLeast: 1) { $0.messageSize }
      session.seq += 1
      for job in saidJobs {
        if let place = session.held.find(job.lease.token) { session.held[at: place].seq = session.seq }
      }
      let update = WorkerUpdate(
        seq: session.seq, welcome: session.outWelcome, jobs: saidJobs, results: saidResults,
        cancellations: saidCancellations, drain: session.outDrain)
      session.outWelcome = nil
      session.outDrain = false
      effects.append(.toWorker(route, update))
    } while !jobs.isEmpty || !results.isEmpty || !cancellations.isEmpty
    session.lastSent = now
  }

  /// Takes from the front what fits into the room that is left.
  private static func cut<Element>(
    _ elements: inout ArraySlice<Element>, _ room: inout Int, atLeast least: Int = 0, size: (Element) -> Int
  ) -> [Element] {
    var count = 0
    for element in elements {
      let needed = size(element)
      if needed > room, count >= least { break }
      room -= needed
      count += 1
    }
    let taken = elements.prefix(count)
    elements = elements.dropFirst(count)
    return Array(taken)
  }

  /// Results and cancellations, and the ends of sessions that have nothing left to do.
  func flushLate(_ said: Said, now: Moment, into effects: inout [Effect]) {
    for session in said.touched {
      guard let route = session.route, session.isConnected else {
        session.outResults = []
        session.outNotices = []
        session.outLost = []
        continue
      }
      // Only a tick that could not be decided leaves it to be said here what was lost.
      let notices = session.outLost + session.outNotices
      session.outLost = []
      session.outNotices = []
      if !session.outResults.isEmpty || !notices.isEmpty || !session.outJobs.isEmpty {
        send(to: session, route, cancellations: notices, now: now.elapsed, into: &effects)
      }
      if session.isDraining, session.held.isEmpty, session.unanswered == 0 {
        effects.append(.endSession(route, .drained))
        close(session, now: now.wall)
      }
    }
  }

  /// Ends a stream session for good.
  func close(_ session: WorkerSession, now: Timestamp) {
    leaveGroup(session)
    if let route = session.route { byRoute[route] = nil }
    session.route = nil
    if streams[session.id] === session { streams[session.id] = nil }
    if session.isConnected { noteWorker(.workerDisconnected, session, now: now) }
    session.presence = .gone
  }

  /// This server's workers, as people see them.
  func views(now: Moment) -> [WorkerView] {
    all.filter { !$0.isGone }.map { session in
      WorkerView(
        workerID: session.id, serverID: session.server ?? configuration.serverID,
        queues: session.subscriptions.map { $0.pattern.isPrefix ? $0.pattern.text + "*" : $0.pattern.text },
        names: session.group.key.names, maxInFlight: UInt32(clamping: session.most),
        running: UInt32(clamping: session.held.count), lostTotal: session.lostTotal,
        succeededTotal: session.succeededTotal, failedTotal: session.failedTotal, draining: session.isDraining,
        connectedAt: session.connectedAt, lastSeenAt: now.wall - (now.elapsed - session.lastSeen),
        address: session.address, labels: session.labels)
    }
  }
}

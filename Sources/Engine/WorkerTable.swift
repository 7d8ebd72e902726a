import Jobs

/// Who is there: workers on streams, away or polling, the Fetches that wait, and when each is to be looked at.
final class WorkerTable {
  enum Alarm {
    case session(WorkerSession)
    case fetch(Taker)
  }

  var byRoute: [Route: WorkerSession] = [:]
  /// By id: connected or away.
  var streams: [String: WorkerSession] = [:]
  /// By id: known by Fetch and Report.
  var pollers: [String: WorkerSession] = [:]
  var fetches: [Route: Taker] = [:]
  var alarms = TimerHeap<Alarm>()
  /// Workers that came and went, until a commit has them.
  var unrecorded: [Event] = []
  private var numbers: UInt64 = 0

  func nextNumber() -> UInt64 {
    numbers += 1
    return numbers
  }

  /// All sessions, the oldest first.
  var all: [WorkerSession] {
    (Array(streams.values) + Array(pollers.values)).sorted { $0.number < $1.number }
  }

  func noteWorker(_ kind: Event.Kind, _ session: WorkerSession, now: Timestamp) {
    unrecorded.append(Event(kind: kind, at: now, workerID: session.id))
  }

  func setTimer(_ session: WorkerSession, _ at: Instant) {
    session.timer = at
    alarms.add(.session(session), at: at)
  }

  func goAway(_ session: WorkerSession, until: Instant) {
    session.presence = .away(until: until)
    session.leasesUntil = until
    setTimer(session, until)
  }

  /// Ends a stream session for good.
  func close(_ session: WorkerSession, now: Timestamp) {
    session.leaveGroup()
    if let route = session.route { byRoute[route] = nil }
    session.route = nil
    if streams[session.id] === session { streams[session.id] = nil }
    if session.isConnected { noteWorker(.workerDisconnected, session, now: now) }
    session.presence = .gone
  }

  /// Forgets a Fetch that was answered, or whose caller has gone.
  func endFetch(_ taker: Taker) {
    guard let fetch = taker.fetch, !fetch.isAnswered else { return }
    fetch.isAnswered = true
    fetches[fetch.route] = nil
    taker.group?.heap.remove(taker)
    taker.worker.fetches.removeAll { $0 === taker }
  }
}

import Backlog
import Jobs

/// What workers are told: gathered by session (`WorkerSession.Outgoing`), said in as few messages as it fits.
final class Outbox {
  private let table: WorkerTable

  init(table: WorkerTable) { self.table = table }

  /// Assignments, welcomes and heartbeats: may leave before the commit, but for what a rate has let start.
  func flushEarly(tick: Tick) {
    for session in tick.touched where session.isConnected {
      guard let route = session.route,
        session.out.welcome != nil || !session.out.jobs.isEmpty || !session.out.lost.isEmpty || session.out.drain
      else { continue }
      if session.canWaitForResults {
        tick.holdsJobs = true
        continue
      }
      let lost = session.out.lost
      session.out.lost = []
      send(to: session, route, cancellations: lost, now: tick.now, into: &tick.early)
    }
    for taker in tick.answeredFetches {
      guard let fetch = taker.fetch, !fetch.isAnswered else { continue }
      if fetch.jobs.contains(where: \.isRated) {
        tick.said.fetched.append((taker.worker, fetch))
      } else {
        tick.early.append(.reply(fetch.route, .fetched(fetch.jobs, lease: fetch.lease)))
      }
      table.endFetch(taker)
    }
  }

  /// Results and cancellations, and the ends of sessions that have nothing left to do.
  func flushLate(_ said: Said, now: Moment, into effects: inout [Effect]) {
    for session in said.touched {
      guard let route = session.route, session.isConnected else {
        session.out.results = []
        session.out.notices = []
        session.out.lost = []
        continue
      }
      if !session.out.unstored.isEmpty {
        let rest = session.out.unstored.firstIndex { $0.tick > said.tick } ?? session.out.unstored.count
        session.out.jobs += session.out.unstored[..<rest].map(\.job)
        session.out.unstored.removeFirst(rest)
      }
      // Only a tick that could not be decided leaves it to be said here what was lost.
      let notices = session.out.lost + session.out.notices
      session.out.lost = []
      session.out.notices = []
      if !session.out.results.isEmpty || !notices.isEmpty || !session.out.jobs.isEmpty {
        send(to: session, route, cancellations: notices, now: now.elapsed, into: &effects)
      }
      if session.isDraining, session.held.isEmpty, session.unanswered == 0 {
        effects.append(.endSession(route, .drained))
        table.close(session, now: now.wall)
      }
    }
  }

  /// Says what there is to say, in as few messages as it fits: each is measured whole.
  private func send(
    to session: WorkerSession, _ route: Route, cancellations: [CancelNotice], now: Instant,
    into effects: inout [Effect]
  ) {
    var jobs = session.out.jobs[...]
    var results = session.out.results[...]
    var cancellations = cancellations[...]
    session.out.jobs = []
    session.out.results = []
    repeat {
      var room = MessageSize.update
      if let welcome = session.out.welcome { room -= welcome.lost.reduce(0) { $0 + $1.messageSize } }
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
        seq: session.seq, welcome: session.out.welcome, jobs: saidJobs, results: saidResults,
        cancellations: saidCancellations, drain: session.out.drain,
        isEnough: session.isSated && !saidJobs.isEmpty && jobs.isEmpty && session.out.unstored.isEmpty)
      session.out.welcome = nil
      session.out.drain = false
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

  /// What the worker should stop running, said with every report until it reports the outcome.
  func addNotices(to pending: PendingReport) {
    guard let session = pending.session else { return }
    for held in session.held.leases {
      if let reason = held.stop { pending.notices.append(CancelNotice(lease: held.lease, reason: reason)) }
    }
  }
}

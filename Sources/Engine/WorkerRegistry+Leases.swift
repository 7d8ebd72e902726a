import Backlog
import Jobs

/// Renewal: on a stream any sign of life counts for all that a worker holds, but the store is told only when the leases' end is
/// near. A worker that polls names what it still runs: what it does not name it may have forgotten, after a crash for instance.
extension WorkerRegistry {
  /// Turns what is due for renewal into extensions. After all commands, so that nothing just reported is renewed.
  func gatherRenewals(tick: Tick) {
    for session in tick.renewing {
      session.isRenewing = false
      guard !session.held.isEmpty, session.isConnected || session.isPolling else { continue }
      let until = session.lastSeen + session.lease
      session.leasesUntil = until
      for held in session.held.leases { tick.extend(held.lease, until: until, for: .renewal(session)) }
    }
  }

  /// What the store said of the tick's extensions.
  func extended(_ results: [Extended], tick: Tick) {
    for (index, result) in results.enumerated() {
      let lease = tick.renewals[index].lease
      let until = tick.renewals[index].until
      switch (tick.extendOrigins[index], result) {
      case (.hello(let session), .extended(let job)) where job.workerID == session.id:
        adopt(job, until: until, by: session, tick: tick)
      case (.hello(let session), _):
        session.outWelcome?.lost.append(lease)
      case (.renewal, .extended):
        break
      case (.renewal(let session), .notHeld):
        if session.held.contains(lease.token) { lose(lease, session, tick: tick) }
      case (.progress(let session), .extended):
        show(lease, session, tick: tick)
      case (.progress(let session), .notHeld):
        lose(lease, session, tick: tick)
      case (.report(let pending, let place), .extended(let job)):
        if let place { pending.results[place].code = .stored }
        if let session = pending.session, job.workerID == session.id {
          adopt(job, until: until, by: session, tick: tick)
          if job.cancelRequested, let at = session.held.find(lease.token), session.held[at: at].stop == nil {
            session.held[at: at].stop = .canceled("")
          }
          show(lease, session, tick: tick)
        } else if job.cancelRequested {
          pending.notices.append(CancelNotice(lease: lease, reason: .canceled("")))
        }
      case (.report(let pending, let place), .notHeld):
        if let session = pending.session { _ = release(lease.token, from: session, tick: tick) }
        if place == nil { pending.notices.append(CancelNotice(lease: lease, reason: .leaseLost)) }
      }
    }
  }

  /// The worker spoke of this very assignment: it has it.
  private func show(_ lease: Lease, _ session: WorkerSession, tick: Tick) {
    guard let place = session.held.find(lease.token) else { return }
    session.held[at: place].seq = min(session.held[at: place].seq, session.confirmed)
  }

  // MARK: Time

  /// Messages to a worker are never further apart than the heartbeat: they are due a little before it is over, and those of
  /// others that are due soon go out in the same tick.
  private var heartbeatDue: Interval { Interval(microseconds: configuration.heartbeat.microseconds / 8 * 7) }
  private var heartbeatSlack: Interval { Interval(microseconds: configuration.heartbeat.microseconds / 8) }

  func setTimer(_ session: WorkerSession, _ at: Instant) {
    session.timer = at
    alarms.add(.session(session), at: at)
  }

  func firstCheck(_ session: WorkerSession) -> Instant {
    session.isConnected
      ? session.lastSent + heartbeatDue : session.lastSeen + Interval(microseconds: session.lease.microseconds / 3)
  }

  /// The engine was not woken for so long (the process stood still, the clock jumped): what workers said meanwhile has not
  /// been read yet, so their silence is not theirs. They are taken as heard, and have a whole lease to show themselves.
  func excuse(_ overslept: Interval, tick: Tick) {
    guard overslept.microseconds > configuration.lease.microseconds / 4 else { return }
    for session in all where session.isConnected || session.isPolling {
      session.lastSeen = tick.now
      if !session.held.isEmpty { renew(session, tick: tick) }
    }
  }

  /// Whatever is due by now: heartbeats, renewals, silence, deadlines, the ends of waits.
  func alarm(tick: Tick) {
    while let entry = deadlines.pop(until: tick.now) {
      let deadline = entry.payload
      guard let place = deadline.session.held.find(deadline.token), deadline.session.held[at: place].stop == nil else {
        continue
      }
      stop(deadline.session, deadline.token, .timeout, tick: tick)
    }
    guard let next = alarms.next, next <= tick.now else { return }
    var due: [TimerHeap<Alarm>.Entry] = []
    while let entry = alarms.pop(until: tick.now + heartbeatSlack) { due.append(entry) }
    for entry in due {
      switch entry.payload {
      case .session(let session):
        guard !session.isGone, session.timer == entry.at else { continue }
        if let at = check(session, tick: tick) { setTimer(session, at) }
      case .fetch(let taker):
        guard let fetch = taker.fetch, !fetch.isAnswered else { continue }
        if fetch.until > tick.now {
          alarms.add(.fetch(taker), at: fetch.until)
        } else if !tick.fetched.contains(where: { $0 === taker }) {
          // After this tick's claim.
          tick.fetched.append(taker)
        }
      }
    }
  }

  /// Does what is due for one worker. Returns when to look again; nil: the session has ended.
  private func check(_ session: WorkerSession, tick: Tick) -> Instant? {
    let now = tick.now
    switch session.presence {
    case .gone:
      return nil
    case .away(let until):
      // The store ends the leases at this time; a moment later nothing is left.
      let end = until + .seconds(1)
      if now < end { return end }
      _ = session.dropAll()
      session.presence = .gone
      version += 1
      if streams[session.id] === session { streams[session.id] = nil }
      return nil
    case .polling:
      if session.held.isEmpty, session.fetches.isEmpty,
        session.lastSeen + max(session.lease, configuration.lease) <= now
      {
        session.group.members -= 1
        session.presence = .gone
        pollers[session.id] = nil
        version += 1
        return nil
      }
      return now + Interval(microseconds: max(1_000, session.lease.microseconds / 6))
    case .connected:
      let lease = configuration.lease
      if session.lastSeen + configuration.silence <= now {
        if let route = session.route { tick.early.append(.endSession(route, .silent)) }
        breakOff(session, tick: tick)
        return session.isGone ? nil : session.timer
      }
      if !session.isSilent, session.lastSeen + lease <= now {
        session.isSilent = true
        tick.touch(session)
      }
      renewIfDue(session, tick: tick)
      if session.lastSent + heartbeatDue <= now + heartbeatSlack, let route = session.route {
        session.seq += 1
        session.lastSent = now
        tick.early.append(.toWorker(route, WorkerUpdate(seq: session.seq)))
      }
      let silence = session.lastSeen + (session.isSilent ? configuration.silence : lease)
      return min(session.lastSent + heartbeatDue, silence)
    }
  }

  private func renewIfDue(_ session: WorkerSession, tick: Tick) {
    // Looked at nearly every heartbeat, a third of a lease: soon enough when two fifths of the lease are left.
    let margin = Interval(microseconds: session.lease.microseconds / 5 * 2)
    guard !session.held.isEmpty, session.leasesUntil - margin <= tick.now,
      session.lastSeen + session.lease > session.leasesUntil
    else { return }
    renew(session, tick: tick)
  }
}

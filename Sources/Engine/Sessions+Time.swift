import Jobs

/// What time does to workers: heartbeats, renewals, silence, the ends of waits.
extension Sessions {
  /// Messages to a worker are never further apart than the heartbeat: they are due a little before it is over, and those of
  /// others that are due soon go out in the same tick.
  private var heartbeatDue: Interval { Interval(microseconds: configuration.heartbeat.microseconds / 8 * 7) }
  private var heartbeatSlack: Interval { Interval(microseconds: configuration.heartbeat.microseconds / 8) }

  func firstCheck(_ session: WorkerSession) -> Instant {
    session.isConnected
      ? session.lastSent + heartbeatDue : session.lastSeen + Interval(microseconds: session.lease.microseconds / 3)
  }

  /// The engine was not woken for so long (the process stood still, the clock jumped): what workers said meanwhile has not
  /// been read yet, so their silence is not theirs. They are taken as heard, and have a whole lease to show themselves.
  func excuse(_ overslept: Interval, tick: Tick) {
    guard overslept.microseconds > configuration.lease.microseconds / 4 else { return }
    for session in table.all where session.isConnected || session.isPolling {
      session.lastSeen = tick.now
      if !session.held.isEmpty { leases.renew(session, tick: tick) }
    }
  }

  /// Whatever is due by now: heartbeats, renewals, silence, deadlines, the ends of waits.
  func alarm(tick: Tick) {
    leases.stopOverdue(tick: tick)
    guard let next = table.alarms.next, next <= tick.now else { return }
    var due: [TimerHeap<WorkerTable.Alarm>.Entry] = []
    while let entry = table.alarms.pop(until: tick.now + heartbeatSlack) { due.append(entry) }
    for entry in due {
      switch entry.payload {
      case .session(let session):
        guard !session.isGone, session.timer == entry.at else { continue }
        if let at = check(session, tick: tick) { table.setTimer(session, at) }
      case .fetch(let taker):
        guard let fetch = taker.fetch, !fetch.isAnswered else { continue }
        if fetch.until > tick.now {
          table.alarms.add(.fetch(taker), at: fetch.until)
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
      if table.streams[session.id] === session { table.streams[session.id] = nil }
      return nil
    case .polling:
      if session.held.isEmpty, session.fetches.isEmpty,
        session.lastSeen + max(session.lease, configuration.lease) <= now
      {
        session.group.members -= 1
        session.presence = .gone
        table.pollers[session.id] = nil
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
      leases.renewIfDue(session, tick: tick)
      if session.lastSent + heartbeatDue <= now + heartbeatSlack, let route = session.route {
        session.seq += 1
        session.lastSent = now
        tick.early.append(.toWorker(route, WorkerUpdate(seq: session.seq)))
      }
      let silence = session.lastSeen + (session.isSilent ? configuration.silence : lease)
      return min(session.lastSent + heartbeatDue, silence)
    }
  }
}

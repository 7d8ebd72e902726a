import Backlog
import Jobs

/// Renewal: on a stream any sign of life counts for all that a worker holds, but the store is told only when the leases' end is
/// near. A worker that polls names what it still runs: what it does not name it may have forgotten, after a crash for instance.
extension Leases {
  func renew(_ session: WorkerSession, tick: Tick) {
    guard !session.isRenewing else { return }
    session.isRenewing = true
    tick.renewing.append(session)
  }

  func renewIfDue(_ session: WorkerSession, tick: Tick) {
    // Looked at nearly every heartbeat, a third of a lease: soon enough when two fifths of the lease are left.
    let margin = Interval(microseconds: session.lease.microseconds / 5 * 2)
    guard !session.held.isEmpty, session.leasesUntil - margin <= tick.now,
      session.lastSeen + session.lease > session.leasesUntil
    else { return }
    renew(session, tick: tick)
  }

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
        session.out.welcome?.lost.append(lease)
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
        } else if !pending.notices.contains(where: { $0.lease == lease }) {
          // Its worker has not fetched since this server leads: no session says so.
          if job.cancelRequested {
            pending.notices.append(CancelNotice(lease: lease, reason: .canceled("")))
          } else if let deadline = job.deadline, deadline <= tick.now {
            pending.notices.append(CancelNotice(lease: lease, reason: .timeout))
          }
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

  // MARK: When a stream breaks, and when its worker is back

  /// A stream broke: what the worker never confirmed goes to others at once, the rest stays its own as long as it said that it may come back.
  /// - Returns: until when.
  func suspend(_ session: WorkerSession, tick: Tick) -> Instant {
    let window = session.resumeWindow ?? .zero
    let until = tick.now + window
    for held in session.held.leases {
      if session.hasConfirmed(held), window > .zero {
        tick.extend(held.lease, until: until, for: .renewal(session))
      } else {
        orphans.append(
          Settlement(lease: held.lease, outcome: session.hasConfirmed(held) ? .lost : .unconfirmed))
        if session.hasConfirmed(held) { session.lostTotal += 1 }
        _ = session.drop(held.token)
      }
    }
    return until
  }

  /// The store has said which of the held leases are still the worker's. What else its predecessor had goes back: what was
  /// never confirmed at no cost, the rest as lost, for the worker says that it does not run it.
  func finishConnecting(_ backlog: Backlog, tick: Tick) {
    keepWhatCameBack(tick)
    for session in tick.connecting { giveUpWhatIsNotNamed(by: session, backlog, tick: tick) }
    for session in tick.connecting {
      guard let old = session.predecessor else { continue }
      session.predecessor = nil
      session.lostTotal = old.lostTotal
      session.succeededTotal = old.succeededTotal
      session.failedTotal = old.failedTotal
      for held in old.dropAll() {
        if let place = session.held.find(held.token) {
          // What the session knew and the store does not say.
          if session.held[at: place].stop == nil { session.held[at: place].stop = held.stop }
        } else {
          let isUnconfirmed = !old.hasConfirmed(held)
          if !isUnconfirmed { session.lostTotal += 1 }
          orphans.append(Settlement(lease: held.lease, outcome: isUnconfirmed ? .unconfirmed : .lost))
        }
      }
      old.presence = .gone
    }
    for session in tick.connecting where !session.isConnected && !session.held.isEmpty {
      // It came and broke off within one tick.
      if session.resumeWindow ?? .zero > .zero, table.streams[session.id] == nil {
        table.streams[session.id] = session
        table.goAway(session, until: session.leasesUntil)
      } else {
        for held in session.dropAll() { orphans.append(Settlement(lease: held.lease, outcome: .lost)) }
      }
    }
    for session in tick.connecting where session.isConnected {
      for held in session.held.leases {
        if let reason = held.stop { session.out.notices.append(CancelNotice(lease: held.lease, reason: reason)) }
      }
    }
  }

  /// A broken stream's leases are given up with the tick that hears of it, if it has no window. A worker that is back within that tick, as
  /// after a pause of the server, has been told that it holds them: then it does.
  private func keepWhatCameBack(_ tick: Tick) {
    guard !orphans.isEmpty, tick.connecting.contains(where: { !$0.held.isEmpty }) else { return }
    let kept = Set(tick.connecting.flatMap { $0.held.leases.map(\.token) })
    orphans.removeAll { kept.contains($0.lease.token) }
  }

  /// A state that was loaded may say that a worker runs what the worker does not speak of: the assignment never arrived, or the
  /// storage has lost the outcome. That ends soon, not with the worker's resume window; an outcome that is on its way is still taken.
  private func giveUpWhatIsNotNamed(by session: WorkerSession, _ backlog: Backlog, tick: Tick) {
    for lease in backlog.takeLoadedRuns(of: session.id) where holder(of: lease.token, workerID: session.id) == nil {
      backlog.shorten(lease, to: tick.now + Self.unnamedGrace, scope: session.scope)
    }
  }

  // MARK: A storage that failed

  /// The state was loaded anew: what sessions hold is put right with it.
  func reconcile(_ backlog: Backlog, tick: Tick) {
    for session in table.all where !session.isGone {
      for held in session.held.leases {
        if backlog.holds(held.lease, workerID: session.id) {
          let until = tick.now + max(session.lease, session.isConnected ? .zero : session.resumeWindow ?? .zero)
          tick.extend(held.lease, until: until, for: .renewal(session))
        } else {
          lose(held.lease, session, tick: tick)
        }
      }
      if session.isConnected { giveUpWhatIsNotNamed(by: session, backlog, tick: tick) }
      session.leasesUntil = tick.now + session.lease
      session.countFreeSlots()
    }
  }
}

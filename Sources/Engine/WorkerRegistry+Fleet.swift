import Jobs

/// What the servers of a shared store do about each other's workers.
extension WorkerRegistry {
  /// This server's workers, as people and other servers see them.
  func views() -> [WorkerView] {
    all.filter { !$0.isGone }.map { session in
      WorkerView(
        workerID: session.id, serverID: configuration.serverID,
        queues: session.subscriptions.map { $0.pattern.isPrefix ? $0.pattern.text + "*" : $0.pattern.text },
        names: session.group.key.names, maxInFlight: UInt32(clamping: session.most),
        running: UInt32(clamping: session.held.count), lostTotal: session.lostTotal,
        succeededTotal: session.succeededTotal, failedTotal: session.failedTotal, draining: session.isDraining,
        connectedAt: session.connectedAt, lastSeenAt: session.lastSeen, address: session.address, labels: session.labels
      )
    }
  }

  /// A worker has connected to another server: its stream here is over, and what that server did not take over goes back.
  func arrivedElsewhere(id: String, at time: Timestamp, tick: Tick) {
    guard let session = streams[id], session.connectedAt < time, !tick.connecting.contains(where: { $0 === session })
    else { return }
    if let route = session.route {
      tick.early.append(.endSession(route, .takenOver))
      byRoute[route] = nil
      session.route = nil
      leaveGroup(session)
      noteWorker(.workerDisconnected, session, now: tick.now)
    }
    // Leases that it took along last a whole term from then on, whatever was told here since.
    let endsBy = min(session.toldUntil, time + configuration.lease - Interval(microseconds: 1))
    for held in session.dropAll() {
      let outcome: Settlement.Outcome = session.hasConfirmed(held) ? .lost : .unconfirmed
      orphans.append(Settlement(lease: held.lease, outcome: outcome, ifEndsBy: endsBy))
    }
    session.presence = .gone
    streams[id] = nil
    version += 1
  }
}

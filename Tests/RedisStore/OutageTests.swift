import Jobs
import RedisStore
import Support
import Testing

@Suite(.needsRedis, .serialized, .aside) struct RedisOutageTests {
  @Test func aFlushedScriptIsLoadedAgain() throws {
    let scene = try RedisScene()
    let store = try scene.open()
    _ = try scene.add(store)
    scene.redis.ask("SCRIPT", "FLUSH")
    _ = try scene.add(store)
    #expect(try scene.take(store, 5).count == 2)
  }

  @Test func aRestartLosesNothingThatWasAcknowledged() throws {
    let scene = try RedisScene()
    let store = try scene.open()
    let ids = try (0..<50).map { _ in try scene.add(store) }
    let running = try scene.take(store, 10)
    scene.redis.stop()
    #expect(scene.failure { _ = try scene.add(store) } == .unavailable)
    try scene.redis.start()
    // Leases are still held, and everything is there.
    let settled = try scene.insist {
      try store.settle(
        running.map { Settlement(lease: $0.lease, outcome: .succeeded(result: [])) }, now: scene.now)
    }
    #expect(settled.allSatisfy { $0 == .settled(.succeeded) })
    #expect(try scene.take(store, 100).count == 40)
    for id in ids { #expect(try store.reader.job(id: id) != nil) }
  }

  @Test func whileRedisIsAwayCallsFailAtOnce() throws {
    let scene = try RedisScene()
    let store = try scene.open()
    _ = try scene.add(store)
    scene.redis.stop()
    _ = scene.failure { _ = try scene.add(store) }
    let start = ContinuousClock.now
    for _ in 0..<100 { #expect(scene.failure { _ = try scene.add(store) } == .unavailable) }
    #expect(start.duration(to: .now) < .seconds(1))
    #expect(store.nextDue == nil, "nothing is due while nothing can be done")
    try scene.redis.start()
    _ = try scene.insist { try scene.add(store) }
  }

  @Test func aRedisThatHangsIsGivenUpAndComesBack() throws {
    let scene = try RedisScene()
    let store = try scene.open()
    _ = try scene.add(store)
    scene.redis.pause()
    let start = ContinuousClock.now
    #expect(scene.failure { _ = try scene.add(store) } == .unavailable)
    #expect(start.duration(to: .now) < .seconds(3))
    let second = ContinuousClock.now
    #expect(scene.failure { _ = try scene.add(store) } == .unavailable)
    #expect(second.duration(to: .now) < .milliseconds(300), "the second call does not wait")
    scene.redis.resume()
    _ = try scene.insist { try scene.add(store) }
  }

  @Test func workersKeepTheirJobsOverAnOutageLongerThanTheirLeases() throws {
    let scene = try RedisScene()
    let store = try scene.open()
    _ = try scene.add(store)
    let job = try #require(try scene.take(store, lease: .seconds(2)).first)
    scene.redis.stop()
    // Longer than the lease and than the three seconds after which a server counts as gone.
    _ = scene.wait { scene.now > job.createdAt + .milliseconds(4200) }
    try scene.redis.start()
    let lapsed = try scene.insist { try store.reclaim(now: scene.now, limit: 10) }
    #expect(lapsed.isEmpty, "nobody could renew it: it gets a full term")
    let result = try store.settle([Settlement(lease: job.lease, outcome: .succeeded(result: []))], now: scene.now)
    #expect(result == [.settled(.succeeded)])
  }

  @Test func workersKeepTheirJobsWhenRedisHangsLongerThanTheirLeases() throws {
    let scene = try RedisScene()
    let store = try scene.open()
    _ = try scene.add(store)
    let job = try #require(try scene.take(store, lease: .seconds(2)).first)
    // What is said to it meanwhile waits in its sockets, and is done when it goes on.
    scene.redis.pause()
    _ = scene.wait { scene.now > job.createdAt + .milliseconds(4200) }
    scene.redis.resume()
    let lapsed = try scene.insist { try store.reclaim(now: scene.now, limit: 10) }
    #expect(lapsed.isEmpty, "nobody could renew it: it gets a full term")
    let result = try store.settle([Settlement(lease: job.lease, outcome: .succeeded(result: []))], now: scene.now)
    #expect(result == [.settled(.succeeded)])
  }

  @Test func aRedisThatLostItsDataIsANewStore() throws {
    let scene = try RedisScene(["--appendonly", "no"])
    let store = try scene.open()
    #expect(scene.warnings.contains { $0.contains("appendonly") })
    let old = try scene.add(store)
    let lost = try #require(try scene.take(store).first)
    let before = store.lastEventCursor
    scene.redis.stop()
    _ = scene.failure { _ = try scene.add(store) }
    try scene.redis.start()
    let id = try scene.insist { try scene.add(store) }
    #expect(id != old)
    #expect(try store.reader.job(id: old) == nil)
    #expect(
      try store.settle([Settlement(lease: lost.lease, outcome: .succeeded(result: []))], now: scene.now) == [.notHeld])
    let job = try #require(try scene.take(store).first)
    #expect(job.lease.jobID == id)
    #expect(job.lease.token != lost.lease.token)
    if case .events = try store.reader.events(after: before + 1000, limit: 10) { Issue.record("not told of the loss") }
    #expect(scene.warnings.contains { $0.contains("lost") })
  }

  @Test func aFlushUnderARunningServerIsNoticed() throws {
    let scene = try RedisScene()
    let store = try scene.open()
    _ = try scene.add(store)
    scene.redis.ask("FLUSHALL")
    _ = try scene.insist { try scene.add(store) }
    #expect(try scene.take(store, 5).count == 1)
  }

  @Test func usedUpMemoryIsToldAsFullAndJobsCanStillEnd() throws {
    let scene = try RedisScene()
    let store = try scene.open()
    _ = try scene.add(store)
    let job = try #require(try scene.take(store).first)
    scene.redis.ask("CONFIG", "SET", "maxmemory", "1mb")
    #expect(scene.failure { _ = try scene.add(store) } == .full)
    let result = try store.settle([Settlement(lease: job.lease, outcome: .succeeded(result: []))], now: scene.now)
    #expect(result == [.settled(.succeeded)])
    scene.redis.ask("CONFIG", "SET", "maxmemory", "0")
    _ = try scene.add(store)
  }

  @Test func aReplicaIsToldAsUnavailableUntilItIsMaster() throws {
    let scene = try RedisScene()
    let store = try scene.open()
    _ = try scene.add(store)
    let master = try RedisProcess()
    scene.redis.ask("REPLICAOF", "127.0.0.1", String(master.port))
    #expect(scene.failure { _ = try scene.add(store) } == .unavailable)
    scene.redis.ask("REPLICAOF", "NO", "ONE")
    _ = try scene.insist { try scene.add(store) }
  }

  @Test func weakDurabilityIsRefusedWhenAskedTo() throws {
    let scene = try RedisScene(["--appendfsync", "everysec"])
    _ = try scene.open()
    #expect(scene.warnings.contains { $0.contains("appendfsync everysec") })
    #expect(scene.failure { _ = try scene.open { $0.refusesWeakDurability = true } } == .unusable)
  }

  @Test func replicasThatDoNotConfirmFailTheCommit() throws {
    let scene = try RedisScene()
    let store = try scene.open {
      $0.replicas = 1
      $0.replicaTimeout = .milliseconds(50)
    }
    #expect(scene.failure { _ = try scene.add(store) } == .unavailable)
    let replica = try RedisProcess(["--replicaof", "127.0.0.1", String(scene.redis.port)])
    _ = try scene.insist { try scene.add(store) }
    withExtendedLifetime(replica) {}
  }

  @Test func wrongPasswordsAreNotCuredByWaiting() throws {
    let scene = try RedisScene(["--requirepass", "s3cret"])
    #expect(scene.failure { _ = try scene.open() } == .unusable)
    #expect(scene.failure { _ = try scene.open("redis://:no@127.0.0.1:\(scene.redis.port)") } == .unusable)
    let store = try scene.open("redis://:s3cret@127.0.0.1:\(scene.redis.port)/3")
    _ = try scene.add(store)
  }

  @Test func unixSocketsWork() throws {
    let scene = try RedisScene()
    let store = try scene.open("redis+unix://\(scene.redis.socketPath)?db=1")
    _ = try scene.add(store)
    #expect(try scene.take(store).count == 1)
  }

  @Test(.timeLimit(.minutes(1))) func aFailoverIsFollowed() throws {
    let scene = try RedisScene()
    let replica = try RedisProcess(["--replicaof", "127.0.0.1", String(scene.redis.port)])
    let sentinels = try (0..<3).map { _ in try RedisProcess(sentinelFor: scene.redis, quorum: 2) }
    #expect(
      scene.wait { sentinels.allSatisfy { $0.ask("SENTINEL", "SENTINELS", "test").hasPrefix("*2") } }, "they meet")
    #expect(scene.wait { sentinels[0].ask("SENTINEL", "REPLICAS", "test").hasPrefix("*1") }, "and know the replica")
    let hosts = sentinels.map { "127.0.0.1:\($0.port)" }.joined(separator: ",")
    let store = try scene.open("redis+sentinel://\(hosts)/test") { $0.replicas = 1 }
    // Until the replica has caught up nothing is acknowledged.
    _ = try scene.insist { try scene.add(store) }
    let ids = try (0..<20).map { _ in try scene.add(store) }
    scene.redis.stop()
    // The new master has no replica to confirm anything: what is asked for must not hang, and must say so.
    let found = try scene.insist { try scene.take(store, 100) }
    #expect(Set(found.map(\.lease.jobID)).isSuperset(of: ids))
    withExtendedLifetime((replica, sentinels)) {}
  }
}

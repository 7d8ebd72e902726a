import Jobs
import Support
import Synchronization
import Testing

@testable import RedisStorage

@Suite(.needsRedis, .serialized, .aside) struct RedisStorageOutageTests {
  @Test func aFlushedScriptIsLoadedAgain() throws {
    let scene = try RedisStorageScene()
    let storage = try scene.open()
    let (epoch, _) = try scene.lead(storage)
    try storage.write([scene.job(1, cursor: 1)], epoch: epoch)
    scene.redis.ask("SCRIPT", "FLUSH")
    try storage.write([scene.job(2, cursor: 2)], epoch: epoch)
    #expect(try storage.reader.job(id: "job-2") != nil)
  }

  @Test func aRestartLosesNothingThatWasAcknowledged() throws {
    let scene = try RedisStorageScene()
    let storage = try scene.open()
    let (epoch, _) = try scene.lead(storage)
    for number in 1...50 { try storage.write([scene.job(UInt64(number), cursor: Int64(number))], epoch: epoch) }
    scene.redis.stop()
    #expect(scene.kind { try storage.write([scene.job(51, cursor: 51)], epoch: epoch) } == .unavailable)
    try scene.redis.start()
    let state = LoadedState()
    try scene.insist { try storage.load(epoch, into: LoadedState()) }
    try storage.load(epoch, into: state)
    #expect(state.jobs.count == 50 && state.lastNumber == 50 && state.lastCursor == 50)
    for id in 1...50 { #expect(try storage.reader.job(id: "job-\(id)") != nil) }
  }

  @Test func whileRedisIsAwayCallsFailAtOnce() throws {
    let scene = try RedisStorageScene()
    let storage = try scene.open()
    _ = try scene.lead(storage)
    scene.redis.stop()
    _ = scene.kind { _ = try storage.reader.job(id: "x") }
    let start = ContinuousClock.now
    for _ in 0..<100 { #expect(scene.kind { _ = try storage.reader.job(id: "x") } == .unavailable) }
    #expect(start.duration(to: .now) < .seconds(5), "a hundred calls, none of which waits")
    try scene.redis.start()
    #expect(try scene.insist { try storage.reader.job(id: "x") } == nil)
  }

  @Test func aWriteThatHangsIsInDoubtAndWhatIsLoadedThenIsTrue() throws {
    let scene = try RedisStorageScene()
    let storage = try scene.open()
    let (epoch, _) = try scene.lead(storage)
    try storage.write([scene.job(1, cursor: 1)], epoch: epoch)
    scene.redis.pause()
    let start = ContinuousClock.now
    #expect(scene.kind { try storage.write([scene.job(2, cursor: 2)], epoch: epoch) } == .unavailable)
    #expect(start.duration(to: .now) < .seconds(30))
    scene.redis.resume()
    let state = LoadedState()
    try scene.insist { try storage.load(epoch, into: LoadedState()) }
    try storage.load(epoch, into: state)
    // The write lay in the socket: it may have been done by now, and if not it never is, or the next fails.
    #expect(state.lastNumber == 1 || state.lastNumber == 2)
    #expect(state.jobs.count == Int(state.lastNumber))
  }

  @Test func aFlushUnderARunningServerIsANewStoreWithHigherCursors() throws {
    let warnings = Mutex<[String]>([])
    let scene = try RedisStorageScene()
    scene.options.warn = { text in warnings.withLock { $0.append(text) } }
    let storage = try scene.open()
    let (epoch, before) = try scene.lead(storage)
    for number in 1...3 { try storage.write([scene.job(UInt64(number), cursor: Int64(number))], epoch: epoch) }
    scene.redis.ask("FLUSHALL")
    #expect(scene.kind { try storage.write([scene.job(4, cursor: 4)], epoch: epoch) } == .deposed)
    let (next, state) = try scene.insist { try scene.lead(storage) }
    #expect(next > epoch, "no token of the lost store is given again")
    #expect(state.jobs.isEmpty && state.lastNumber == 0)
    #expect(state.lastCursor > 3, "no cursor stands for something else")
    #expect(state.salt != before.salt)
    guard case .trimmed(let oldest) = try storage.reader.events(after: 3, limit: 10) else {
      Issue.record("a watcher was not told")
      return
    }
    #expect(oldest == state.lastCursor)
    #expect(!warnings.withLock { $0 }.isEmpty)
    try storage.write([scene.job(1, cursor: state.lastCursor + 1)], epoch: next)
    guard case .events(let events, _) = try storage.reader.events(after: oldest, limit: 10) else { return }
    #expect(events.map(\.cursor) == [oldest + 1])
  }

  @Test func aReplicaThatLaggedIsNoticedAndNoTokenOrCursorIsGivenAgain() throws {
    let scene = try RedisStorageScene()
    let replica = try RedisProcess(["--replicaof", "127.0.0.1 \(scene.redis.port)"])
    let storage = try scene.open()
    let (epoch, _) = try scene.lead(storage)
    try storage.write([scene.job(1, cursor: 1)], epoch: epoch)
    // The replica follows until here ...
    for _ in 0..<500 where !replica.ask("HGET", "{gkick}:m", "number").contains("1") { Wait.milliseconds(10) }
    replica.pause()
    for number in 2...9 { try storage.write([scene.job(UInt64(number), cursor: Int64(number))], epoch: epoch) }
    // ... and becomes the master with its old state, of which this server hears by a new connection to the same name.
    scene.redis.stop()
    replica.resume()
    replica.ask("REPLICAOF", "NO", "ONE")
    let known = KnownStore(Layout(prefix: "{gkick}:"))
    known.note(epoch: epoch.number, number: 9, cursor: 9)
    let dialer = RedisDialer(url: try #require(RedisURL(replica.url)), options: scene.options)
    let leadership = RedisLeadership(RedisLine(dialer, known), known, scene.options)
    guard case .here(let next) = try scene.insist({ try leadership.seek("a", term: .zero) }) else {
      Issue.record("not here")
      return
    }
    #expect(next > epoch)
    #expect(replica.ask("HGET", "{gkick}:m", "cursor").contains(String(9 + (1 << 32))))
  }

  @Test func usedUpMemoryIsToldAsFullAndJobsCanStillEnd() throws {
    let scene = try RedisStorageScene(["--maxmemory", "4mb"])
    let storage = try scene.open()
    let (epoch, _) = try scene.lead(storage)
    var number: UInt64 = 0
    var failure: StoreError.Kind?
    while failure == nil, number < 10_000 {
      failure = scene.kind {
        try storage.write([scene.job(number + 1, cursor: Int64(number) + 1, body: 50_000)], epoch: epoch)
      }
      if failure == nil { number += 1 }
    }
    #expect(failure == .full)
    try storage.load(epoch, into: LoadedState())
    let job = try #require(try storage.rows.jobs([1], bodies: false)[0])
    var set = ChangeSet(number: number + 1, now: scene.now, durability: .synced)
    set.forgotten = [ForgottenJob(head: job.head, state: .ready)]
    set.nextSeq = scene.nextSeq
    try storage.write([set], epoch: epoch)
    #expect(try storage.reader.job(id: "job-1") == nil)
  }

  @Test func weakDurabilityIsToldAndRefusedWhenAskedTo() throws {
    let scene = try RedisStorageScene(["--appendfsync", "everysec"])
    #expect(try scene.open().weaknesses.count == 1)
    scene.options.refusesWeakDurability = true
    #expect(scene.kind { _ = try scene.open() } == .unusable)
  }

  @Test func replicasThatDoNotConfirmFailTheWrite() throws {
    let scene = try RedisStorageScene()
    let alone = try scene.open()
    let (epoch, _) = try scene.lead(alone)
    try alone.write([scene.job(1, cursor: 1)], epoch: epoch)
    scene.options.replicas = 1
    scene.options.replicaTimeout = .milliseconds(50)
    let storage = try scene.open()
    #expect(storage.weaknesses.count == 1)
    let (next, _) = try scene.lead(storage)
    #expect(next > epoch)
    #expect(scene.kind { try storage.write([scene.job(1, cursor: 2)], epoch: next) } == .unavailable)
    let replica = try RedisProcess(["--replicaof", "127.0.0.1 \(scene.redis.port)"])
    scene.options.replicaTimeout = .seconds(2)
    try scene.insist {
      let (last, state) = try scene.lead(storage)
      try storage.write([scene.job(1, cursor: state.lastCursor + 1)], epoch: last)
    }
    replica.stop()
  }

  @Test func aStoreOfTheOldFormatIsRefusedAndLeftAsItIs() throws {
    let scene = try RedisStorageScene()
    scene.redis.ask("HSET", "{gkick}:m", "version", "1", "salt", "5", "seq", "9")
    do {
      _ = try scene.open()
      Issue.record("an old store was opened")
    } catch {
      #expect((error as? StoreError)?.kind == .unusable)
      #expect("\(error)".contains("gKick 0.1"), "says what to do")
    }
    #expect(scene.redis.ask("HLEN", "{gkick}:m").hasPrefix(":3"))
  }

  @Test func aWriteThatBreaksOffIsNoticedAndTheStoreIsNotWrittenTo() throws {
    let scene = try RedisStorageScene()
    let storage = try scene.open()
    let (epoch, _) = try scene.lead(storage)
    scene.redis.ask("SET", "{gkick}:queues", "a foreign value")
    var set = scene.job(1, cursor: 1)
    set.queues = [StoredQueue(name: "q")]
    #expect(scene.kind { try storage.write([set], epoch: epoch) } == .unusable)
    #expect(scene.kind { try storage.load(epoch, into: LoadedState()) } == .unusable)
  }

  @Test func wrongPasswordsAreNotCuredByWaiting() throws {
    let scene = try RedisStorageScene(["--requirepass", "secret"])
    #expect(scene.kind { _ = try scene.open("redis://:wrong@127.0.0.1:\(scene.redis.port)") } == .unusable)
    #expect(scene.kind { _ = try scene.open() } == .unusable)
    _ = try scene.open("redis://:secret@127.0.0.1:\(scene.redis.port)")
  }

  @Test func unixSocketsWork() throws {
    let scene = try RedisStorageScene()
    let storage = try scene.open("redis+unix://" + scene.redis.socketPath)
    let (epoch, _) = try scene.lead(storage)
    try storage.write([scene.job(1, cursor: 1)], epoch: epoch)
  }
}

import Dispatch
import Glibc
import Jobs
import Support
import Synchronization
import Testing

@testable import PostgresStorage

/// What becomes of the storage when its database does not do as it should. Each test has a PostgreSQL of its own.
@Suite(
  .enabled(if: PostgresProcess.isInstalled, "PostgreSQL is not installed: Scripts/setup test"), .serialized, .aside)
struct PostgresFaultTests {
  /// Writes one job, which must be there afterwards.
  private static func put(_ scene: StorageScene, _ id: String) throws {
    try scene.put(NewJob(id: id, name: "a", body: [1]))
    #expect(try scene.storage.reader.job(id: id) != nil)
  }

  /// Tries until it works again, as the host does: loads anew first.
  private static func recover(_ scene: StorageScene, within limit: Duration = .seconds(10)) throws {
    let deadline = ContinuousClock.now + limit
    while true {
      do {
        try scene.check()
        return
      } catch let error as StoreError {
        guard ContinuousClock.now < deadline else { throw error }
        #expect(error.kind == .unavailable || error.kind == .full)
      }
    }
  }

  private static func kind(_ scene: StorageScene, _ what: String = "x") -> StoreError? {
    do {
      var change = ChangeSet(number: scene.number + 1, now: scene.now, durability: .synced)
      change.queues = [StoredQueue(name: what)]
      try scene.storage.write([change], epoch: scene.epoch)
      return nil
    } catch { return error }
  }

  @Test func aDatabaseThatRestartsIsFoundAgain() throws {
    let process = try PostgresProcess()
    let scene = try StorageScene(PostgresHarness(process))
    try Self.put(scene, "before")
    process.stop()
    for _ in 0..<3 {
      let started = ContinuousClock.now
      #expect(Self.kind(scene)?.kind == .unavailable)
      #expect(scene.kind { _ = try scene.storage.reader.job(id: "before") } == .unavailable)
      #expect(scene.kind { _ = try scene.storage.rows.jobs([1], bodies: true) } == .unavailable)
      #expect(scene.kind { _ = try scene.storage.leadership?.servers() } == .unavailable)
      #expect(ContinuousClock.now - started < .seconds(2), "said at once, sooner than a connection is tried for")
    }
    try process.start()
    try Self.recover(scene)
    try Self.put(scene, "after")
  }

  @Test func killedBackendsAreReplaced() throws {
    let process = try PostgresProcess()
    let scene = try StorageScene(PostgresHarness(process))
    try Self.put(scene, "before")
    let kill =
      "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'gkick'"
    try process.ask(kill)
    // What reads does not even notice.
    #expect(try scene.storage.reader.job(id: "before") != nil)
    #expect(try scene.storage.rows.jobs([1], bodies: true)[0] != nil)
    #expect(Self.kind(scene)?.kind == .unavailable)
    try Self.recover(scene)
    try Self.put(scene, "after")
  }

  @Test func aReadOnlyDatabaseIsSaidAndGoesBy() throws {
    let process = try PostgresProcess()
    let scene = try StorageScene(PostgresHarness(process))
    try process.ask("ALTER SYSTEM SET default_transaction_read_only = on")
    try process.ask("SELECT pg_reload_conf()")
    try process.ask(
      "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'gkick'")
    #expect(Self.kind(scene)?.kind == .unavailable)
    try process.ask("ALTER SYSTEM RESET default_transaction_read_only")
    try process.ask("SELECT pg_reload_conf()")
    try Self.recover(scene)
    try Self.put(scene, "after")
  }

  @Test func aStandbyTakesOver() throws {
    let primary = try PostgresProcess(["wal_level=replica"])
    let standby = try PostgresProcess(standbyOf: primary)
    let harness = try PostgresHarness(primary)
    harness.url =
      "postgresql://postgres@127.0.0.1:\(standby.port),127.0.0.1:\(primary.port)/postgres?target_session_attrs=read-write"
    let scene = try StorageScene(harness)
    #expect(
      try weaknesses(of: scene).contains { $0.contains("replicas") }, "a fail-over may lose what it waits for nowhere")
    try Self.put(scene, "before")
    // The standby has all of it: what is lost otherwise, the fence and `load` tell.
    for _ in 0..<500 {
      if (try? standby.ask("SELECT count(*) FROM \(harness.quoted).tick")) == "1" { break }
    }
    primary.stop()
    #expect(Self.kind(scene)?.kind == .unavailable)
    try standby.promote()
    try Self.recover(scene)
    try Self.put(scene, "after")
    #expect(try standby.ask("SELECT count(*) FROM \(harness.quoted).job") == "2")
  }

  @Test func noConnectionsLeftIsSaid() throws {
    let process = try PostgresProcess(["max_connections=6", "superuser_reserved_connections=0", "max_wal_senders=0"])
    let scene = try StorageScene(PostgresHarness(process))
    let keywords = try PostgresLocation(process.url).keywords
    var others: [PostgresConnection] = []
    while let other = try? PostgresConnection(keywords, replyTimeout: .seconds(5)) { others.append(other) }
    let fresh = try? PostgresStorage(url: process.url)
    #expect(fresh == nil)
    var said: StoreError?
    do { _ = try PostgresStorage(url: process.url) } catch { said = error }
    #expect(said?.kind == .unavailable)
    #expect(said?.message.contains("connection") == true)
    // Those that are there go on.
    #expect(Self.kind(scene) == nil)
    others = []
  }

  @Test func aStatementThatIsStoppedIsNotWritten() throws {
    let process = try PostgresProcess()
    let harness = try PostgresHarness(process)
    let scene = try StorageScene(harness)
    // Somebody holds a lock that the write needs, and the server stops who waits.
    let keywords = try PostgresLocation(process.url).keywords
    let other = try PostgresConnection(keywords, replyTimeout: .seconds(5))
    try other.script("BEGIN; LOCK TABLE \(harness.quoted).job IN ACCESS EXCLUSIVE MODE")
    var change = scene.change()
    scene.add(NewJob(id: "stopped", name: "a"), to: &change)
    let watching = DispatchGroup()
    DispatchQueue.global().async(group: watching) {
      for _ in 0..<400 {
        let found = try? process.ask(
          "SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE application_name = 'gkick' AND wait_event_type = 'Lock'"
        )
        if found != "0" { return }
      }
    }
    var said: StoreError?
    do { try scene.storage.write([change], epoch: scene.epoch) } catch { said = error }
    watching.wait()
    #expect(said?.kind == .unavailable)
    try other.script("ROLLBACK")
    #expect(try scene.storage.reader.job(id: "stopped") == nil)
    try scene.write(change)
    #expect(try scene.storage.reader.job(id: "stopped") != nil)
  }

  @Test func aDatabaseThatHangsIsGivenUp() throws {
    let process = try PostgresProcess()
    let harness = try PostgresHarness(process)
    harness.options.replyTimeout = .milliseconds(700)
    let scene = try StorageScene(harness)
    try Self.put(scene, "before")
    let backends = try process.ask("SELECT pid FROM pg_stat_activity WHERE application_name = 'gkick'")
    let pids = backends.split(separator: "\n").compactMap { Int32($0) }
    for pid in pids { Programs.signal(pid, stop: true) }
    var change = scene.change()
    scene.add(NewJob(id: "in doubt", name: "a"), to: &change)
    let started = ContinuousClock.now
    #expect(scene.kind { try scene.storage.write([change], epoch: scene.epoch) } == .unavailable)
    #expect(ContinuousClock.now - started < .seconds(30))
    for pid in pids { Programs.signal(pid, stop: false) }
    // What became of it is in doubt, as after any time-out; but once the old session is gone it was done, as a whole, or it was not.
    let deadline = ContinuousClock.now + .seconds(10)
    while try process.ask(
      "SELECT count(*) FROM pg_stat_activity WHERE pid = ANY('{\(pids.map(String.init).joined(separator: ","))}')")
      != "0",
      ContinuousClock.now < deadline
    { usleep(20_000) }
    let state = try scene.load()
    let isThere = try scene.storage.reader.job(id: "in doubt") != nil
    #expect(state.lastNumber == (isThere ? change.number : change.number - 1))
    #expect((state.chosen["in doubt"] != nil) == isThere)
    // Done twice it never is: the fence takes the same write once.
    if isThere {
      #expect(scene.kind { try scene.storage.write([change], epoch: scene.epoch) } == .deposed)
    } else {
      try scene.storage.write([change], epoch: scene.epoch)
    }
    #expect(try process.ask("SELECT count(*) FROM \(harness.quoted).job WHERE id = 'in doubt'") == "1")
    _ = try scene.load()
    #expect(Self.kind(scene, "after") == nil)
    #expect(try scene.load().queues["after"] != nil)
  }

  /// What a connection asked that was given up is ended in the database too: it would go on reading for nobody, and the next try beside it.
  @Test func whatWasGivenUpDoesNotRunOn() throws {
    let process = try PostgresProcess()
    var options = PostgresOptions()
    options.replyTimeout = .milliseconds(500)
    let link = PostgresLink(try PostgresLocation(process.url), options)
    let endless = PostgresStatement(name: "endless", text: "SELECT count(*) FROM generate_series(1, 1000000000000)")
    #expect(throws: StoreError.self) { _ = try link.read([PostgresCall(endless)]) }
    let running = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'gkick' AND state = 'active'"
    let deadline = ContinuousClock.now + .seconds(5)
    while try process.ask(running) != "0", ContinuousClock.now < deadline {}
    #expect(try process.ask(running) == "0")
  }

  private func weaknesses(of scene: StorageScene) throws -> [String] {
    try #require(scene.storage as? PostgresStorage).weaknesses
  }

  @Test func settingsThatWeakenAPromiseAreTold() throws {
    let weak = try PostgresProcess(["fsync=off", "full_page_writes=off", "synchronous_commit=off"])
    let scene = try StorageScene(PostgresHarness(weak))
    #expect(try weaknesses(of: scene).filter { $0.contains("fsync") }.count == 1)
    #expect(try weaknesses(of: scene).contains { $0.contains("full_page_writes") })
    // This one is a session's own affair: gKick's sessions set it.
    #expect(try !weaknesses(of: scene).contains { $0.contains("synchronous_commit") })
    let strong = try StorageScene(PostgresHarness(PostgresProcess()))
    #expect(try weaknesses(of: strong).isEmpty)
  }

  @Test func aNewerSchemaIsRefusedAndLeft() throws {
    let harness = try PostgresHarness()
    let scene = try StorageScene(harness)
    try harness.process.ask("UPDATE \(harness.quoted).about SET version = 99")
    #expect(scene.kind { _ = try harness.another() } == .unusable)
    #expect(try harness.process.ask("SELECT version FROM \(harness.quoted).about") == "99")
  }

  @Test func serversThatStartTogetherMakeTheTablesOnce() throws {
    let harness = try PostgresHarness()
    let process = harness.process
    var options = PostgresOptions()
    options.schema = harness.schema
    let all = options
    let made = Mutex([[UInt8]?]())
    DispatchQueue.concurrentPerform(iterations: 6) { _ in
      let storage = try? PostgresStorage(url: process.url, options: all)
      let secret = try? storage?.leadership?.secret()
      made.withLock { $0.append(secret) }
      try? storage?.close()
    }
    let secrets = made.withLock { $0 }
    #expect(secrets.count == 6 && Set(secrets).count == 1 && secrets[0]?.count == 32)
    try process.ask("DROP SCHEMA \(harness.quoted) CASCADE")
  }

  @Test func socketsAndBadURLs() throws {
    let process = try PostgresProcess()
    let storage = try PostgresStorage(url: process.socketURL)
    #expect(try storage.leadership?.secret().count == 32)
    try storage.close()
    for (url, kind) in [
      ("postgresql://x@127.0.0.1:1/none?bad=1", StoreError.Kind.unusable),
      ("postgresql://x@127.0.0.1:1/none", .unavailable),
      ("postgresql://postgres@127.0.0.1:\(process.port)/none", .unusable),
      ("postgresql://nobody@127.0.0.1:\(process.port)/postgres", .unusable),
    ] {
      var said: StoreError?
      do { _ = try PostgresStorage(url: url) } catch { said = error }
      #expect(said?.kind == kind, "\(url): \(said?.message ?? "")")
    }
  }

  /// As documented: such a role owns the schema and needs nothing else.
  @Test func aRoleWithMinimalRightsIsEnough() throws {
    let process = try PostgresProcess()
    try process.ask("CREATE ROLE gkick LOGIN; CREATE SCHEMA gkick AUTHORIZATION gkick")
    let storage = try PostgresStorage(url: process.url(user: "gkick"))
    let leadership = try #require(storage.leadership)
    guard case .here(let epoch) = try leadership.seek("a", term: .seconds(3)) else { return }
    var change = ChangeSet(number: 1, now: Timestamp(seconds: 1_700_000_000), durability: .relaxed)
    let head = JobHead(
      seq: 1, job: NewJob(id: "x", name: "a", runAt: change.now), isChosen: true, createdAt: change.now)
    change.jobs = [JobChange(head: head, standing: head.untouched, isNew: true, body: [])]
    try storage.write([change], epoch: epoch)
    try storage.sync()
    _ = try storage.tidy(now: change.now)
    #expect(try storage.reader.job(id: "x") != nil)
    try storage.close()
  }
}

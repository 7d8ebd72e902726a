import Glibc
import Jobs
import Support
import Testing

@testable import MySQLStorage

/// What becomes of the storage when its database does not do as it should. Each test has a MariaDB of its own.
@Suite(.enabled(if: MariaProcess.isInstalled, "MariaDB is not installed: Scripts/setup test"), .serialized, .aside)
struct MySQLFaultTests {
  private static func kind(_ scene: StorageScene) -> StoreError.Kind? {
    var change = ChangeSet(number: scene.number + 1, now: scene.now, durability: .synced)
    change.queues = [StoredQueue(name: "x")]
    return scene.kind { try scene.storage.write([change], epoch: scene.epoch) }
  }

  /// As the host does: loads anew first.
  private static func recover(_ scene: StorageScene) throws {
    let deadline = ContinuousClock.now + .seconds(10)
    while true {
      do {
        try scene.check()
        return
      } catch let error as StoreError {
        guard ContinuousClock.now < deadline else { throw error }
        #expect(error.kind == .unavailable)
      }
    }
  }

  @Test func aDatabaseThatRestartsIsFoundAgain() throws {
    let process = try MariaProcess()
    let scene = try StorageScene(MySQLHarness(process))
    try scene.put(NewJob(id: "before", name: "a", body: [1]))
    process.stop()
    for _ in 0..<3 {
      let started = ContinuousClock.now
      #expect(Self.kind(scene) == .unavailable)
      #expect(scene.kind { _ = try scene.storage.reader.job(id: "before") } == .unavailable)
      #expect(scene.kind { _ = try scene.storage.rows.jobs([1], bodies: true) } == .unavailable)
      #expect(scene.kind { _ = try scene.storage.leadership?.servers() } == .unavailable)
      #expect(ContinuousClock.now - started < .seconds(2), "said at once, sooner than a connection is tried for")
    }
    try process.start()
    try Self.recover(scene)
    try scene.put(NewJob(id: "after", name: "a", body: [1]))
    #expect(try scene.storage.reader.job(id: "after") != nil)
  }

  /// After a crash the database may believe that a table is as small as it was long ago. Whoever loads goes through the primary key all the same:
  /// to read the table for each of its rows would take longer than an answer is waited for, again and again.
  @Test func whatTheDatabaseBelievesOfTheTablesIsOld() throws {
    let process = try MariaProcess(["--innodb-stats-auto-recalc=0"])
    let scene = try StorageScene(MySQLHarness(process))
    for _ in 0..<30 {
      var change = scene.change()
      for _ in 0..<1_000 {
        let head = scene.head(NewJob(queue: "q", name: "a"))
        change.jobs.append(JobChange(head: head, standing: head.untouched, isNew: true, body: []))
      }
      change.nextSeq = scene.nextSeq
      try scene.storage.write([change], epoch: scene.epoch)
    }
    process.stop()
    try process.start()
    let believed = try process.ask("SELECT MAX(n_rows) FROM mysql.innodb_table_stats WHERE table_name LIKE '%job'")
    #expect(believed == "0")
    let started = ContinuousClock.now
    #expect(try scene.load().jobs.count == 30_000)
    #expect(ContinuousClock.now - started < .seconds(4))
  }

  /// What a connection asked that was given up is ended in the database too: it would go on reading for nobody, and the next try beside it.
  /// By the database itself where an answer has so long at most, else by the connection that comes next.
  @Test(arguments: [true, false])
  func whatWasGivenUpDoesNotRunOn(isLimited: Bool) throws {
    let process = try MariaProcess()
    try process.ask("CREATE DATABASE app")
    var options = MySQLOptions()
    options.replyTimeout = .seconds(1)
    let link = MySQLLink(try MySQLLocation(process.url(database: "app")), options)
    if !isLimited { _ = try link.read(MySQLLink.unlimited) }
    #expect(throws: StoreError.self) {
      _ = try link.read("SELECT COUNT(*) FROM seq_1_to_1000000 a, seq_1_to_1000000 b")
    }
    if !isLimited { #expect(try link.read("SELECT 1")[0].next()) }
    let running = "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE command = 'Query' AND db = 'app'"
    let deadline = ContinuousClock.now + .seconds(5)
    while try process.ask(running) != "0", ContinuousClock.now < deadline {}
    #expect(try process.ask(running) == "0")
    #expect(try link.read("SELECT 1")[0].next(), "the connection that came next is not ended")
  }

  /// A database that was started anew gives the same numbers again: to others, too, and to what has just begun.
  @Test func onlyWhatThisUserAskedLongAgoIsEnded() throws {
    let process = try MariaProcess()
    try process.ask("CREATE DATABASE app")
    try process.ask("CREATE USER other@'127.0.0.1'; GRANT ALL ON app.* TO other@'127.0.0.1'")
    var options = MySQLOptions()
    options.replyTimeout = .seconds(10)
    var sessions: [MySQLConnection] = []
    func begin(user: String = "root", isBusy: Bool = true) throws -> Int64 {
      let session = try MySQLConnection(
        MySQLLocation(process.url(user: user, database: "app")), replyTimeout: .seconds(120))
      sessions.append(session)
      if isBusy { try session.send(Array("SELECT SLEEP(100)".utf8)) }
      return session.id
    }
    func awaitState(_ id: Int64, _ more: String) throws {
      let deadline = ContinuousClock.now + .seconds(60)
      while try !has(id, more), ContinuousClock.now < deadline { usleep(20_000) }
    }
    func has(_ id: Int64, _ more: String = "TRUE") throws -> Bool {
      try process.ask("SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE id = \(id) AND \(more)") == "1"
    }
    let others = try begin(user: "other")
    let idle = try begin(isBusy: false)
    let own = try begin()
    let early = MySQLLink(try MySQLLocation(process.url(database: "app")), options)
    let earlyConnection = try early.connected()
    let later = try begin()
    for id in [others, idle, own, later] { try awaitState(id, "time >= 9") }
    let young = try begin()
    try awaitState(young, "command = 'Query'")
    let link = MySQLLink(try MySQLLocation(process.url(database: "app")), options)
    let connection = try link.connected()
    let all = [others, idle, young, later, own]
    defer { for id in all { _ = try? process.ask("KILL \(id)") } }
    early.end(later, earlyConnection)
    for id in [others, idle, young, own] { link.end(id, connection) }
    let deadline = ContinuousClock.now + .seconds(20)
    while try has(own), ContinuousClock.now < deadline { usleep(20_000) }
    #expect(try all.map { try has($0) } == [true, true, true, true, false])
  }

  /// Somebody changes the password under a server that runs: away until it is right again, and then it goes on by itself.
  @Test func aPasswordThatIsWrongForAWhile() throws {
    let process = try MariaProcess()
    try process.ask("CREATE DATABASE app")
    try process.ask("CREATE USER gkick@'127.0.0.1' IDENTIFIED BY 'old'")
    try process.ask("GRANT ALL ON app.* TO gkick@'127.0.0.1'")
    let url = "mysql://gkick:old@127.0.0.1:\(process.port)/app"
    let storage = try MySQLStorage(url: url)
    defer { try? storage.close() }
    let leadership = try #require(storage.leadership)
    _ = try leadership.secret()
    try process.ask("ALTER USER gkick@'127.0.0.1' IDENTIFIED BY 'new'")
    let sessions = try process.ask("SELECT id FROM information_schema.PROCESSLIST WHERE user = 'gkick'")
    for session in sessions.split(separator: "\n") { try process.ask("KILL \(session)") }
    func kind(_ body: () throws -> Void) -> StoreError.Kind? {
      do { try body() } catch { return (error as? StoreError)?.kind }
      return nil
    }
    #expect(kind { _ = try storage.reader.job(id: "x") } == .unavailable)
    #expect(kind { _ = try leadership.secret() } == .unavailable)
    #expect(kind { try storage.sync() } == .unavailable)
    // One that starts now is told for good.
    #expect(kind { _ = try MySQLStorage(url: url) } == .unusable)
    try process.ask("ALTER USER gkick@'127.0.0.1' IDENTIFIED BY 'old'")
    let deadline = ContinuousClock.now + .seconds(20)
    func answers(_ body: () throws -> Void) -> Bool {
      while kind(body) != nil { if ContinuousClock.now > deadline { return false } }
      return true
    }
    #expect(answers { try storage.sync() })
    #expect(answers { _ = try leadership.secret() })
    #expect(answers { _ = try storage.reader.job(id: "x") })
  }
}

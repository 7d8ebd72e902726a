import Jobs
import Support
import Testing

@testable import PostgresStorage

/// When producers are relieved of notifying, by a clock of the test's.
struct InboxWatchTests {
  private var watch = InboxWatch()
  private var now = ContinuousClock.now
  private let poll = Duration.seconds(1)

  private mutating func next(after time: Duration = .zero) -> InboxWatch.Step {
    now += time
    return watch.next(at: now, poll: poll)
  }

  @Test mutating func whoComesDoesNotKnowWhatProducersWereTold() {
    #expect(next() == .rely)
    // Said to nobody: not leading, or no answer.
    #expect(next(after: .seconds(5)) == .rely)
    watch.relied(on: [], at: now)
    #expect(next() == .wait(poll))
    watch.forget()
    #expect(next() == .rely)
  }

  @Test mutating func muchRelievesProducersUntilLittleComes() {
    watch.relied(on: [], at: now)
    watch.found(99, at: now)
    #expect(next() == .wait(InboxWatch.pause), "not yet much, but more may be there")
    watch.found(0, at: now)
    #expect(next() == .wait(poll))
    watch.found(1, at: now)
    #expect(next() == .relieve)
    watch.relieved()
    for _ in 0..<4 {
      // Less than what it takes to begin is enough to go on.
      #expect(next(after: .milliseconds(500)) == .wait(InboxWatch.pause))
      watch.found(60, at: now)
    }
    #expect(next(after: .milliseconds(500)) == .wait(InboxWatch.pause))
    watch.found(49, at: now)
    #expect(next(after: .milliseconds(499)) == .wait(InboxWatch.pause), "of the span before it was enough")
    #expect(next(after: .milliseconds(1)) == .rely)
  }

  @Test mutating func aPauseCountsAsNothing() {
    watch.found(1_000, at: now)
    #expect(next() == .relieve)
    watch.relieved()
    #expect(next(after: .seconds(1)) == .rely)
  }

  @Test mutating func thoseThatMayNotNotifyAreWaitedFor() {
    watch.relied(on: ["3/7", "4/9"], at: now)
    #expect(watch.isLeaving && next() == .wait(.milliseconds(10)))
    // Who puts in since has notified.
    watch.stillOpen(["4/9", "5/1"])
    #expect(watch.isLeaving)
    #expect(next(after: .seconds(1)) == .wait(.milliseconds(50)), "however long it stays open")
    #expect(next(after: .seconds(3_600)) == .wait(.milliseconds(50)))
    watch.stillOpen(["5/1"])
    #expect(watch.isRelying && next() == .wait(poll))
  }

  @Test mutating func muchMayComeWhileSomeAreWaitedFor() {
    watch.relied(on: ["3/7"], at: now)
    watch.found(100, at: now)
    #expect(next() == .relieve)
    watch.relieved()
    watch.stillOpen([])
    #expect(watch.isWatching, "nobody is asked for while all are looked for")
  }
}

/// The same with producers, on a PostgreSQL. Nobody is helped by the poll: it comes once a minute.
@Suite(.enabled(if: PostgresProcess.isInstalled, "PostgreSQL is not installed: Scripts/setup test"), .aside)
struct InboxRelianceTests {
  let harness: PostgresHarness
  let scene: StorageScene
  let inbox: PostgresInbox

  init() throws {
    harness = try PostgresHarness()
    harness.options.inboxPoll = .seconds(60)
    scene = try StorageScene(harness)
    inbox = try Self.inbox(scene.storage)
  }

  private static func inbox(_ storage: any Storage) throws -> PostgresInbox {
    try #require(storage.inbox as? PostgresInbox)
  }

  private func sql(_ text: String) -> String { text.replacing("gkick.", with: harness.quoted + ".") }

  @discardableResult
  private func ask(_ text: String) throws -> String { try harness.process.ask(sql(text)) }

  private func connect() throws -> PostgresConnection {
    let options = [
      ("host", "127.0.0.1"), ("port", "\(harness.process.port)"), ("user", "postgres"), ("dbname", "postgres"),
    ]
    return try PostgresConnection(options, replyTimeout: .seconds(10))
  }

  private var isQuiet: Bool { get throws { try ask("SELECT last_value FROM gkick.inbox_watch") == "2" } }

  /// Takes in what is there. - Returns: the names.
  private func takeIn(_ inbox: PostgresInbox, _ scene: StorageScene) throws -> [String] {
    let items = try inbox.arrived(limit: 512)
    if !items.isEmpty {
      var change = scene.change()
      change.taken = items.map { TakenItem(number: $0.number) }
      try scene.write(change)
    }
    return items.map(\.job.name)
  }

  /// Looks and waits as the leader's thread does, until `condition`. - Returns: the names of what arrived.
  @discardableResult
  private func serve(
    _ inbox: PostgresInbox, _ scene: StorageScene, until condition: ([String]) throws -> Bool
  ) throws -> [String] {
    var names: [String] = []
    let deadline = ContinuousClock.now + .seconds(20)
    while ContinuousClock.now < deadline {
      let fresh = try takeIn(inbox, scene)
      names += fresh
      if try condition(names) { return names }
      if fresh.isEmpty { try inbox.wait() }
    }
    Issue.record("nothing came of it; arrived: \(names.count), at last \(names.suffix(3))")
    return names
  }

  private func makeBusy(_ inbox: PostgresInbox, _ scene: StorageScene, _ process: PostgresProcess? = nil) throws {
    let text = "SELECT gkick.enqueue('load') FROM generate_series(1, 200)"
    for _ in 0..<100 where !inbox.watch.isWatching {
      if let process { _ = try process.ask(text) } else { try ask(text) }
      while try !takeIn(inbox, scene).isEmpty {}
      try inbox.wait()
    }
    #expect(inbox.watch.isWatching)
  }

  private func makeIdle(_ inbox: PostgresInbox, _ scene: StorageScene) throws {
    try serve(inbox, scene) { _ in inbox.watch.isRelying }
    #expect(try !isQuiet)
  }

  /// The notifications that came to a session of the test's own; those of other tests on this PostgreSQL come there too, so it has a
  /// PostgreSQL of its own.
  @Test func whileMuchArrivesNobodyNotifies() throws {
    let process = try PostgresProcess(["fsync=off"])
    let harness = try PostgresHarness(process, schema: "gkick")
    harness.options.inboxPoll = .seconds(60)
    let scene = try StorageScene(harness)
    let inbox = try Self.inbox(scene.storage)
    let listener = try PostgresConnection(
      [("host", "127.0.0.1"), ("port", "\(process.port)"), ("user", "postgres"), ("dbname", "postgres")],
      replyTimeout: .seconds(10))
    try listener.script("LISTEN gkick_inbox")
    func notified() throws -> Bool {
      try listener.script("SELECT 1")
      return try listener.notified(by: .now + .milliseconds(20), orReadable: -1)
    }
    try serve(inbox, scene) { _ in inbox.watch.isRelying }
    _ = try process.ask("SELECT gkick.enqueue('first')")
    #expect(try notified())
    try makeBusy(inbox, scene, process)
    _ = try notified()
    for number in 0..<20 { _ = try process.ask("SELECT gkick.enqueue('quiet \(number)')") }
    #expect(try !notified())
    #expect(try serve(inbox, scene) { $0.last == "quiet 19" } == (0..<20).map { "quiet \($0)" })
    try serve(inbox, scene) { _ in inbox.watch.isRelying }
    _ = try process.ask("SELECT gkick.enqueue('last')")
    #expect(try notified())
    #expect(try serve(inbox, scene) { !$0.isEmpty } == ["last"])
  }

  /// It did not notify, since nobody need when it put its job in.
  @Test func whoCommitsAfterProducersNotifyAgainIsNotForgotten() throws {
    try makeBusy(inbox, scene)
    let late = try connect()
    try late.script("BEGIN")
    try late.script(sql("SELECT gkick.enqueue('late')"))
    try serve(inbox, scene) { _ in inbox.watch.isLeaving }
    #expect(try !isQuiet)
    // Others notify meanwhile and are not held up.
    try ask("SELECT gkick.enqueue('other')")
    #expect(try serve(inbox, scene) { !$0.isEmpty } == ["other"])
    #expect(inbox.watch.isLeaving)
    try late.script("COMMIT")
    let names = try serve(inbox, scene) { _ in inbox.watch.isRelying }
    #expect(try names + serve(inbox, scene) { (names + $0).contains("late") } == ["late"])
  }

  @Test func aProducerThatIsPreparedInTwoPhasesIsWaitedForToo() throws {
    let process = try PostgresProcess(["fsync=off", "max_prepared_transactions=5"])
    let harness = try PostgresHarness(process, schema: "gkick")
    harness.options.inboxPoll = .seconds(60)
    let scene = try StorageScene(harness)
    let inbox = try Self.inbox(scene.storage)
    try makeBusy(inbox, scene, process)
    _ = try process.ask("BEGIN; SELECT gkick.enqueue('late'); PREPARE TRANSACTION 'late'")
    try serve(inbox, scene) { _ in inbox.watch.isLeaving }
    _ = try process.ask("COMMIT PREPARED 'late'")
    #expect(try serve(inbox, scene) { $0.contains("late") } == ["late"])
  }

  @Test func whoPutNothingInIsNotWaitedFor() throws {
    try makeBusy(inbox, scene)
    let idle = try connect()
    try idle.script("BEGIN; CREATE TEMP TABLE t (n int); SELECT txid_current()")
    try makeIdle(inbox, scene)
    try idle.script("COMMIT")
  }

  /// It sees the data of long ago, but that somebody is to be notified it sees as it is.
  @Test func anOldSnapshotNotifiesToo() throws {
    try makeBusy(inbox, scene)
    let old = try connect()
    try old.script("BEGIN ISOLATION LEVEL REPEATABLE READ")
    try old.script("SELECT 1")
    try makeIdle(inbox, scene)
    try old.script(sql("SELECT gkick.enqueue('old')"))
    try old.script("COMMIT")
    #expect(try serve(inbox, scene) { !$0.isEmpty } == ["old"])
  }

  /// A leader ends while nobody notifies it. The next one finds what is there, and what commits later.
  @Test func aNewLeaderMissesNothing() throws {
    try makeBusy(inbox, scene)
    let late = try connect()
    try late.script("BEGIN")
    try late.script(sql("SELECT gkick.enqueue('late')"))
    try ask("SELECT gkick.enqueue('before')")
    _ = try scene.reopen(crash: true)
    let next = try Self.inbox(scene.storage)
    let names = try serve(next, scene) { _ in next.watch.isLeaving }
    #expect(names.contains("before") && !names.contains("late"))
    try late.script("COMMIT")
    #expect(try serve(next, scene) { $0.contains("late") } == ["late"])
    try makeIdle(next, scene)
  }

  /// It believes that it leads, and much seems to arrive.
  @Test func whoLeadsNoMoreTellsProducersNothing() throws {
    let old = inbox
    try makeIdle(old, scene)
    // The old one stays open.
    _ = try scene.reopen(crash: true)
    let next = try Self.inbox(scene.storage)
    try makeIdle(next, scene)
    try ask("SELECT gkick.enqueue('load') FROM generate_series(1, 300)")
    #expect(try old.arrived(limit: 512).count == 300)
    // It would relieve producers now; somebody notifies, lest it wait long.
    try ask("SELECT gkick.enqueue('more')")
    try old.wait()
    #expect(try !old.watch.isWatching && !isQuiet)
  }

  /// What was notified while nobody listened is looked for.
  @Test func aConnectionThatBreaksIsNotReliedOn() throws {
    let process = try PostgresProcess(["fsync=off"])
    let harness = try PostgresHarness(process, schema: "gkick")
    harness.options.inboxPoll = .seconds(60)
    let scene = try StorageScene(harness)
    let inbox = try Self.inbox(scene.storage)
    try serve(inbox, scene) { _ in inbox.watch.isRelying }
    _ = try process.ask(
      """
      SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'gkick' AND query LIKE '%inbox%';
      SELECT gkick.enqueue('while it was away')
      """)
    #expect(scene.kind { try inbox.wait() } == .unavailable)
    inbox.reset()
    #expect(!inbox.watch.isRelying)
    #expect(try serve(inbox, scene) { !$0.isEmpty } == ["while it was away"])
  }
}

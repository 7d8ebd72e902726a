import CSQLite
import Jobs
import Support
import Testing

@testable import SQLiteStorage

/// Fixtures/format-1 is what a server of the release before left when it was killed: jobs in every state (made with its command line: chosen
/// and made ids, a replaced job, held keys, a result, failures), a paused queue, events; most of it still in SQLite's log.
@Suite struct Format1Tests {
  private let folder = TemporaryFolder()
  private var path: String { folder.path + "/store" }

  init() throws {
    let fixture = #filePath.split(separator: "/").dropLast().joined(separator: "/")
    try TemporaryFolder.copy("/" + fixture + "/Fixtures/format-1", to: path)
  }

  private func check(_ storage: SQLiteStorage) throws {
    let state = LoadedState()
    try storage.load(try storage.beginEpoch(), into: state)
    #expect(state.lastNumber == 0)
    var byID: [String: JobRecord] = [:]
    for record in try storage.reader.jobs(JobQuery()).jobs { byID[record.job.id] = record }
    #expect(byID.count == 11)
    #expect(byID["chosen-ready"]?.job.priority == 7 && byID["chosen-ready"]?.job.options.batchID == "b1")
    #expect(byID["chosen-ready"]?.state == .ready)
    // Replaced: it is ready, though its time is after its creation.
    let replaced = try #require(byID["later-unique"])
    #expect(replaced.state == .ready && replaced.runAt > replaced.createdAt)
    #expect(replaced.job.options.unique?.key == "key-1")
    #expect(state.jobs.first { $0.chosenID == "later-unique" }?.standing?.state == .ready)
    let ok = try #require(byID["ok-1"])
    #expect(ok.state == .succeeded && ok.result == Array("done".utf8) && ok.attempt == 1)
    #expect(state.holds.map(\.key) == ["held-key"] && state.holds.first?.until == ok.createdAt + .hours(100_000))
    let dead = try #require(byID["dead-1"])
    #expect(dead.state == .dead && dead.failures.count == 1 && dead.failures[0].message.hasPrefix("broken"))
    let retrying = try #require(byID["retry-1"])
    #expect(retrying.state == .retrying && retrying.failures.count == 1 && retrying.runAt > retrying.createdAt)
    #expect(byID["canceled-1"]?.state == .canceled && byID["expired-1"]?.state == .expired)
    let running = try #require(byID["running-1"])
    #expect(running.state == .running && running.workerID == "worker-1")
    let standing = try #require(state.jobs.first { $0.chosenID == "running-1" }?.standing)
    #expect(standing.token != 0 && standing.deadline != nil && standing.wasStarted)
    #expect(byID["paused-1"]?.state == .ready && byID["deleted-1"] == nil)
    #expect(byID.values.allSatisfy { !$0.job.body.isEmpty })
    #expect(state.jobs.count == 7 && state.chosen.count == 9)
    #expect(state.nextSeq == 13)

    #expect(state.queues.keys.sorted() == ["nobody", "paused.queue", "work"])
    #expect(state.queues["paused.queue"]?.isPaused == true)
    let work = try #require(state.queues["work"])
    #expect(
      work.succeeded == 1 && work.failed == 2 && work.dead == 1 && work.ended == 2 && work.lastUsedAt > .distantPast)
    guard case .events(let events, _) = try storage.reader.events(after: 0, limit: 1_000) else {
      Issue.record("trimmed")
      return
    }
    #expect(events.map(\.cursor) == Array(1...Int64(events.count)) && events.count > 20)
    #expect(state.lastCursor == Int64(events.count))
    #expect(Set(events.map(\.kind)).isSuperset(of: [.scheduled, .enqueued, .started, .failed, .dead, .canceled]))
    // Each query finds what it would have.
    for state in JobState.allCases {
      var query = JobQuery()
      query.states = [state]
      #expect(try storage.reader.jobs(query).jobs.count == byID.values.count { $0.state == state })
    }
    #expect(try storage.rows.expired(by: .distantFuture, limit: 10).jobs.count == 4)
  }

  @Test func itIsBroughtUp() throws {
    let storage = try SQLiteStorage.small(path: path)
    try check(storage)
    try storage.close()
    let again = try SQLiteStorage.small(path: path)
    try check(again)
    try again.close()
  }

  /// Until its one transaction is committed all is as it was; killed after it, all is new.
  @Test func anInterruptedOneIsBegunAnew() throws {
    let cut = folder.path + "/cut"
    try TemporaryFolder.copy(path, to: cut)
    do {
      let connection = try Connection(path: cut + "/gkick.db", readOnly: false)
      connection.leaveAsItIs()
      #expect(try Schema.check(connection, path: cut) == 1)
      try connection.execute("BEGIN IMMEDIATE")
      try connection.execute(Schema.added)
      try Format1.migrate(connection, path: cut)
      // Here it ends: the transaction is never committed.
    }
    let storage = try SQLiteStorage.small(path: cut)
    try check(storage)
    let killed = folder.path + "/killed"
    try TemporaryFolder.copy(cut, to: killed)
    let after = try SQLiteStorage.small(path: killed)
    try check(after)
    try after.close()
    try storage.close()
  }

  @Test func jobsOfTheOldFormatLiveOn() throws {
    let storage = try SQLiteStorage.small(path: path)
    let epoch = try storage.beginEpoch()
    let state = LoadedState()
    try storage.load(epoch, into: state)
    let job = try #require(try storage.rows.jobs([1], bodies: true)[0])
    #expect(!job.isDamaged && !job.body.isEmpty)
    var change = ChangeSet(number: 1, now: job.head.createdAt, durability: .synced)
    change.nextSeq = state.nextSeq
    var standing = JobStanding(state: .succeeded, runAt: job.standing.runAt)
    standing.expires = job.standing.runAt + .hours(1)
    change.jobs = [JobChange(head: job.head, standing: standing, isNew: false, carried: JobCarried(result: [1]))]
    let gone = try #require(try storage.rows.jobs(ids: ["ok-1"])[0])
    change.forgotten = [ForgottenJob(head: gone.head, state: .succeeded)]
    try storage.write([change], epoch: epoch)
    #expect(try storage.reader.job(id: job.head.job.id)?.result == [1])
    #expect(try storage.reader.job(id: "ok-1") == nil)
    let after = LoadedState()
    try storage.load(epoch, into: after)
    #expect(after.holds.isEmpty && after.jobs.count == 6)
    try storage.close()
  }
}

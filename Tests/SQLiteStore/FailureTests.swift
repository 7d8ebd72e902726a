import CSQLite
import Glibc
import Jobs
import Support
import Testing

@testable import SQLiteStore

@Suite struct FailureTests {
  private let folder = TemporaryFolder()
  private let now = Timestamp(seconds: 1_700_000_000)
  private var path: String { folder.path + "/store" }

  private func open() throws -> SQLiteStore { try SQLiteStore.open(path: path, now: now, salt: 5) }

  private func add(_ store: SQLiteStore, _ id: String, at now: Timestamp? = nil) throws {
    let now = now ?? self.now
    #expect(
      try store.enqueue([EnqueueGroup(jobs: [NewJob(id: id, name: "a")])], now: now)
        == [.stored(id: id, state: .ready, runAt: now)])
  }

  private func kind(_ body: () throws -> Void) -> StoreError.Kind? {
    do {
      try body()
      return nil
    } catch {
      return (error as? StoreError)?.kind
    }
  }

  @Test func aFullDiskFailsClearlyAndIsForgottenWhenThereIsSpace() throws {
    let store = try open()
    try add(store, "kept")
    _ = try store.commit(.synced)
    store.injectFaults(write: SQLITE_FULL)
    for attempt in 0..<3 {
      try add(store, "lost-\(attempt)")
      #expect(kind { _ = try store.commit(.synced) } == .full)
      store.rollback()
    }
    #expect(try store.reader.job(id: "kept") != nil)
    #expect(try store.reader.job(id: "lost-0") == nil)
    #expect(try store.queues(now: now)[0].ready == 1)
    store.injectFaults()
    try add(store, "after")
    #expect(try store.commit(.synced).map(\.cursor) == [2])
    try store.close()
    let reopened = try open()
    #expect(try reopened.queues(now: now)[0].ready == 2)
    try checkStory(reopened)
  }

  @Test func aTickThatIsTooLargeForTheDiskIsUndone() throws {
    let store = try open()
    try add(store, "kept")
    _ = try store.commit(.synced)
    try store.database.connection.execute("PRAGMA max_page_count = 40")
    var body = [UInt8](repeating: 1, count: 300_000)
    body[0] = 2
    #expect(
      kind {
        _ = try store.enqueue(
          [EnqueueGroup(jobs: [NewJob(name: "big", payloadSize: body.count, body: body)])], now: now)
        _ = try store.commit(.synced)
      } == .full)
    store.rollback()
    try add(store, "small")
    #expect(try store.commit(.synced).count == 1)
    #expect(try store.queues(now: now)[0].ready == 2)
    try checkStory(store)
  }

  @Test func afterAFailedSyncNothingIsAcknowledgedUntilAllIsWrittenAnew() throws {
    let store = try open()
    try add(store, "kept")
    _ = try store.commit(.synced)
    store.injectFaults(sync: SQLITE_IOERR)
    try add(store, "lost")
    #expect(kind { _ = try store.commit(.synced) } == .unavailable)
    store.rollback()
    #expect(try store.reader.job(id: "lost") == nil)
    // Still failing: refused at once, whatever is asked.
    #expect(kind { try add(store, "lost") } == .unavailable)
    store.rollback()
    #expect(kind { _ = try store.control([.cancel(jobID: "kept", reason: "")], now: now) } == .unavailable)
    store.rollback()
    store.injectFaults()
    #expect(kind { try add(store, "lost") } == .unavailable, "not tried again within a second")
    store.rollback()
    let later = now + .seconds(1)
    try add(store, "after", at: later)
    #expect(try store.commit(.synced).map(\.cursor) == [2])
    #expect(try store.queues(now: later)[0].ready == 2)
    // A crash now finds exactly what was acknowledged.
    try TemporaryFolder.copy(path, to: folder.path + "/copy")
    let copy = try SQLiteStore.open(path: folder.path + "/copy", now: later)
    #expect(try copy.reader.job(id: "lost") == nil)
    #expect(try copy.queues(now: later)[0].ready == 2)
    try checkStory(copy)
  }

  @Test func onlyWhatIsAcknowledgedAsSyncedIsSynced() throws {
    let store = try open()
    try add(store, "kept")
    _ = try store.commit(.synced)
    store.injectFaults(sync: SQLITE_IOERR)
    try add(store, "relaxed")
    #expect(try store.commit(.relaxed).count == 1)
    let request = ClaimRequest(
      filters: [ClaimFilter(queues: [QueuePattern("*")])],
      workers: [ClaimRequest.Worker(id: "w", leaseUntil: now + .seconds(30))],
      slots: [ClaimRequest.Slot(worker: 0, filter: 0)])
    let claimed = try store.claim(request, now: now).jobs
    #expect(try store.commit(.synced).count == 1, "a claim does not wait for the disk")
    // A duplicate is an acknowledgement of the first enqueue, which is not synced yet.
    _ = try store.enqueue([EnqueueGroup(jobs: [NewJob(id: "relaxed", name: "a")])], now: now)
    #expect(kind { _ = try store.commit(.synced) } == .unavailable)
    store.rollback()
    store.injectFaults()
    let later = now + .seconds(2)
    #expect(
      try store.settle([Settlement(lease: claimed[0].lease, outcome: .succeeded(result: []))], now: later)
        == [.settled(.succeeded)])
    #expect(try store.commit(.synced).count == 1)
    try store.sync()
    try checkStory(store)
  }

  @Test func syncFailsAloud() throws {
    let store = try open()
    try add(store, "relaxed")
    _ = try store.commit(.relaxed)
    store.injectFaults(sync: SQLITE_IOERR)
    #expect(kind { try store.sync() } == .unavailable)
    store.injectFaults()
    try add(store, "after")
    _ = try store.commit(.synced)
  }

  @Test func aSecondServerIsKeptOut() throws {
    let store = try open()
    #expect(kind { _ = try open() } == .locked)
    try store.close()
    _ = try open()
  }

  @Test func theFolderIsForItsOwnerAlone() throws {
    _ = try open()
    var status = stat()
    #expect(stat(path, &status) == 0 && status.st_mode & 0o777 == 0o700)
  }

  @Test func aFileInPlaceOfTheFolderIsRefused() throws {
    try TemporaryFolder.write([1], to: path)
    #expect(kind { _ = try open() } == .unusable)
  }

  @Test func aForeignDatabaseIsRefusedAndLeftAsItIs() throws {
    mkdir(path, 0o700)
    do {
      let foreign = try Connection(path: path + "/gkick.db", readOnly: false)
      try foreign.execute("CREATE TABLE theirs(x); INSERT INTO theirs VALUES(1)")
    }
    let bytes = try TemporaryFolder.read(path + "/gkick.db")
    #expect(kind { _ = try open() } == .unusable)
    #expect(try TemporaryFolder.read(path + "/gkick.db") == bytes)
    let foreign = try Connection(path: path + "/gkick.db", readOnly: true)
    #expect(try foreign.integer("SELECT x FROM theirs") == 1)
    #expect(try foreign.integer("SELECT count(*) FROM sqlite_master") == 1)
  }

  @Test func rubbishIsRefused() throws {
    mkdir(path, 0o700)
    try TemporaryFolder.write(
      Array("This is no database at all, but it is long enough to be one.".utf8), to: path + "/gkick.db")
    do {
      _ = try open()
      Issue.record("opened")
    } catch let error as StoreError {
      #expect(error.kind == .unusable && error.message.contains(path))
    }
  }

  @Test func aLogThatCannotBeCopiedIsNoFailureOfACommit() throws {
    let store = try open()
    try add(store, "kept")
    _ = try store.commit(.synced)
    store.injectCheckpointFault(SQLITE_FULL)
    let body = [UInt8](repeating: 1, count: 1 << 20)
    for index in 0..<12 {
      let big = NewJob(id: "big-\(index)", name: "a", payloadSize: body.count, body: body)
      _ = try store.enqueue([EnqueueGroup(jobs: [big])], now: now)
      #expect(try store.commit(.synced).count == 1)
    }
    _ = try store.prune(now: now + .seconds(60), limit: 10)
    try store.close()
    let reopened = try open()
    #expect(try reopened.queues(now: now)[0].ready == 13)
  }

  /// As a process does that was forked off meanwhile and has not got to its exec.
  @Test func aReleasedFolderIsFreeThoughSomebodyStillHasTheDescriptor() throws {
    let directory = try StoreDirectory(path: path)
    let held = try #require(
      TemporaryFolder.names(in: "/proc/self/fd").compactMap { Int32($0) }.first { descriptor in
        var buffer = [CChar](repeating: 0, count: 4096)
        let count = readlink("/proc/self/fd/\(descriptor)", &buffer, buffer.count)
        return String(decoding: buffer[..<max(0, count)].map { UInt8(bitPattern: $0) }, as: UTF8.self) == path + "/lock"
      })
    let copy = dup(held)
    defer { close(copy) }
    directory.release()
    try StoreDirectory(path: path).release()
  }

  @Test func aNewerFormatIsRefused() throws {
    try open().close()
    do {
      let newer = try Connection(path: path + "/gkick.db", readOnly: false)
      try newer.execute("PRAGMA user_version = 99")
    }
    do {
      _ = try open()
      Issue.record("opened")
    } catch let error as StoreError {
      #expect(error.kind == .unusable && error.message.contains("newer"))
    }
  }

  @Test func damagedRecordsAreToldNotTrapped() throws {
    let store = try open()
    for index in 0..<20 { try add(store, "j\(index)") }
    let request = ClaimRequest(
      filters: [ClaimFilter(queues: [QueuePattern("*")])],
      workers: [ClaimRequest.Worker(id: "w", leaseUntil: now + .seconds(30))],
      slots: Array(repeating: ClaimRequest.Slot(worker: 0, filter: 0), count: 10))
    _ = try store.claim(request, now: now)
    _ = try store.commit(.synced)
    try store.close()
    for length in [0, 1, 2, 10, 19, 20, 25] {
      let copy = folder.path + "/copy-\(length)"
      try TemporaryFolder.copy(path, to: copy)
      do {
        let connection = try Connection(path: copy + "/gkick.db", readOnly: false)
        try connection.execute("UPDATE jobs SET head = substr(head, 1, \(length)) WHERE seq = 15")
        try connection.execute("UPDATE states SET rec = substr(rec, 1, \(length)) WHERE seq = 5")
      }
      #expect(kind { _ = try SQLiteStore.open(path: copy, now: now) } == .unusable)
    }
  }

  @Test func readersWorkBesideTheWriter() async throws {
    let store = try open()
    try add(store, "first")
    _ = try store.commit(.relaxed)
    let reader = store.reader
    try await withThrowingTaskGroup(of: Int.self) { group in
      for _ in 0..<6 {
        group.addTask {
          var seen = 0
          for _ in 0..<60 {
            let jobs = try reader.jobs(JobQuery()).jobs.count
            guard case .events(let events, _) = try reader.events(after: 0, limit: 10_000) else { return -1 }
            // Each sees whole ticks, and never less than before.
            #expect(events.count >= jobs && jobs >= seen)
            seen = jobs
          }
          return seen
        }
      }
      for index in 0..<80 {
        try add(store, "job-\(index)")
        _ = try store.commit(.relaxed)
      }
      for try await seen in group { #expect(seen >= 1) }
    }
    try store.close()
    #expect(kind { _ = try reader.job(id: "first") } == .unavailable)
  }

  @Test func aClaimMakesABoundedNumberOfJobsExpired() throws {
    let store = try open()
    let late = NewJob(name: "a", options: JobOptions(startBefore: now))
    _ = try store.enqueue([EnqueueGroup(jobs: Array(repeating: late, count: 1_000) + [NewJob(name: "a")])], now: now)
    let request = ClaimRequest(
      filters: [ClaimFilter(queues: [QueuePattern("*")])],
      workers: [ClaimRequest.Worker(id: "w", leaseUntil: now + .seconds(30))],
      slots: [ClaimRequest.Slot(worker: 0, filter: 0)])
    let first = try store.claim(request, now: now)
    #expect(first.jobs.isEmpty && first.dry == [false])
    #expect(try store.claim(request, now: now).jobs.count == 1)
    _ = try store.commit(.synced)
    try checkStory(store)
  }

  @Test func aListingLooksAtABoundedNumberOfJobs() throws {
    let store = try open()
    let jobs = (0..<12_000).map { NewJob(name: $0 == 100 ? "needle" : "hay") }
    _ = try store.enqueue([EnqueueGroup(jobs: jobs)], now: now)
    _ = try store.commit(.relaxed)
    var query = JobQuery()
    query.name = "needle"
    var pages = 0
    var found = 0
    repeat {
      let page = try store.reader.jobs(query)
      pages += 1
      found += page.jobs.count
      query.before = page.next
    } while query.before != nil
    #expect(found == 1 && pages == 3)
  }
}

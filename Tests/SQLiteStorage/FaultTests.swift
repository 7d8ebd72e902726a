import CSQLite
import Glibc
import Jobs
import Support
import Testing

@testable import SQLiteStorage

/// Disks that fail while the store is open.
@Suite struct FaultTests {
  private let folder = TemporaryFolder()
  private var path: String { folder.path + "/store" }
  private let now = Timestamp(seconds: 1_700_000_000)
  private let storage: SQLiteStorage
  private let epoch: Epoch

  init() throws {
    storage = try SQLiteStorage.small(path: folder.path + "/store", salt: 5)
    epoch = try storage.beginEpoch()
    try storage.load(epoch, into: LoadedState())
  }

  private func write(_ number: UInt64, _ durability: Durability = .synced, body: Int = 10) throws {
    try storage.write([.oneJob(number, durability, body: body)], epoch: epoch)
  }

  private func kind(_ body: () throws -> Void) -> StoreError.Kind? {
    do {
      try body()
      return nil
    } catch {
      return (error as? StoreError)?.kind
    }
  }

  private func ids() throws -> [String] { try storage.reader.jobs(JobQuery()).jobs.map(\.job.id) }

  private func load() throws -> LoadedState {
    let state = LoadedState()
    try storage.load(epoch, into: state)
    return state
  }

  private func inject(sync: StoreError.Kind? = nil, write: StoreError.Kind? = nil) throws {
    try storage.locked {
      $0.injectFaults(
        sync: sync.map { StoreError($0, "as the test wants it") },
        write: write.map { StoreError($0, "as the test wants it") })
    }
  }

  @Test func withoutItsDatabaseNothingIsTakenUntilThatIsBack() throws {
    try write(1)
    for what in ["", "/gkick.db"] {
      _ = try storage.tidy(now: now)
      let number = try load().lastNumber + 1
      #expect(rename(path + what, folder.path + "/elsewhere") == 0)
      #expect(kind { _ = try storage.tidy(now: now) } == .unusable)
      #expect(kind { try write(number) } == .unavailable)
      #expect(kind { _ = try load() } == .unavailable, "nothing is believed")
      #expect(!storage.begin([.oneJob(number, body: 10)], epoch: epoch, notice: -1))
      // Something else of that name is not it.
      if what != "" { #expect(symlink("/dev/null", path + what) == 0 && kind { _ = try load() } == .unavailable) }
      #expect(rename(folder.path + "/elsewhere", path + what) == 0)
      #expect(try load().lastNumber == number - 1)
      try write(number)
    }
    #expect(try ids().sorted() == ["j1", "j2", "j3"])
  }

  @Test func aLogThatIsRemovedIsMadeAnew() throws {
    for number: UInt64 in 1...4 {
      try write(number)
      #expect(unlink(path + "/" + Log.name(Int(number % 2))) == 0)
      _ = try storage.tidy(now: now)
      #expect(access(path + "/" + Log.name(0), F_OK) == 0 && access(path + "/" + Log.name(1), F_OK) == 0)
    }
    try write(5)
    // As after kill -9: what is on disk is all that there is.
    let copy = folder.path + "/copy"
    try storage.freeze { try TemporaryFolder.copy(path, to: copy) }
    let other = try SQLiteStorage.small(path: copy, salt: 5)
    #expect(other.openFindings.isEmpty)
    let epoch = try other.beginEpoch()
    try other.load(epoch, into: LoadedState())
    #expect(try other.reader.jobs(JobQuery()).jobs.map(\.job.id).sorted() == ["j1", "j2", "j3", "j4", "j5"])
    try other.close()
  }

  @Test func aFullDiskFailsClearlyAndIsForgottenWhenThereIsSpace() throws {
    try write(1)
    try inject(write: .full)
    for _ in 0..<3 {
      #expect(kind { try write(2) } == .full)
      #expect(kind { try write(2) } == .deposed, "nothing before what is stored is known")
      #expect(try load().lastNumber == 1)
    }
    #expect(try ids() == ["j1"])
    try inject()
    try write(2)
    try storage.close()
    let again = try SQLiteStorage.small(path: path)
    #expect(try again.reader.events(after: 0, limit: 9).cursors == [1, 2])
    try again.close()
  }

  @Test func afterAFailedSyncNothingIsAcknowledgedUntilAllIsWrittenAnew() throws {
    try write(1)
    try write(2, .relaxed)
    try inject(sync: .unavailable)
    #expect(kind { try write(3) } == .unavailable)
    #expect(try ids() == ["j2", "j1"])
    try inject()
    // Once healed the log is a new one, and holds what was written.
    #expect(try load().lastNumber == 2)
    try write(3)
    let copy = folder.path + "/copy"
    try storage.freeze { try TemporaryFolder.copy(path, to: copy) }
    let found = try SQLiteStorage.small(path: copy, bootID: 2)
    #expect(found.openFindings.isEmpty)
    let state = LoadedState()
    try found.load(try found.beginEpoch(), into: state)
    #expect(state.jobs.map(\.seq) == [1, 2, 3])
    try found.close()
  }

  @Test func whileSyncingFailsItIsTriedOnceASecond() throws {
    try inject(sync: .unavailable)
    #expect(kind { try write(1) } == .unavailable)
    #expect(kind { _ = try load() } == .unavailable)
    try inject()
    #expect(kind { _ = try load() } == .unavailable, "not tried again within a second")
    usleep(1_050_000)
    #expect(try load().lastNumber == 0)
    try write(1)
    #expect(try ids() == ["j1"])
  }

  @Test func onlyWhatIsToBeSyncedIsSynced() throws {
    try write(1)
    try inject(sync: .unavailable)
    try write(2, .relaxed)
    // Nothing of its own to write, but it acknowledges what is not synced yet.
    let change = ChangeSet(number: 3, now: now, durability: .synced)
    #expect(kind { try storage.write([change], epoch: epoch) } == .unavailable)
    #expect(kind { try storage.sync() } == .unavailable)
    try inject()
    usleep(1_050_000)
    #expect(try load().lastNumber == 2)
    try storage.sync()
  }

  /// The database cannot be filled for a while: what is written is in the log, and is seen.
  @Test func aDatabaseThatCannotBeFilledHoldsNothingUp() throws {
    try write(1)
    try storage.overlay.settle()
    try storage.database.locked { $0.applyFault = SQLITE_FULL }
    for number in 2...40 as ClosedRange<UInt64> { try write(number, body: 5_000) }
    #expect(try ids().count == 40)
    #expect(try storage.reader.job(id: "j30")?.job.body.count == 5_000)
    #expect(kind { _ = try storage.reader.events(after: 0, limit: 9) } == .full)
    #expect(kind { _ = try storage.tidy(now: now) } == .full, "it is told")
    try storage.database.locked { $0.applyFault = 0 }
    usleep(1_100_000)
    #expect(try storage.reader.events(after: 0, limit: 99).cursors.count == 40)
    try storage.close()
    let again = try SQLiteStorage.small(path: path)
    #expect(try again.reader.events(after: 0, limit: 99).cursors.count == 40 && again.openFindings.isEmpty)
    try again.close()
  }

  @Test func aStoreThatIsClosedBeforeItIsFilledIsWholeAtTheNextStart() throws {
    try storage.overlay.settle()
    try storage.database.locked { $0.applyFault = SQLITE_FULL }
    for number in 1...10 as ClosedRange<UInt64> { try write(number) }
    #expect(kind { try storage.close() } != nil)
    try storage.database.locked { $0.applyFault = 0 }
    let again = try SQLiteStorage.small(path: path)
    let state = LoadedState()
    try again.load(try again.beginEpoch(), into: state)
    #expect(state.jobs.count == 10 && again.openFindings.isEmpty)
    try again.close()
  }

  @Test func readersWorkBesideTheWriter() async throws {
    try write(1)
    let reader = storage.reader
    try await withThrowingTaskGroup(of: Int.self) { group in
      for _ in 0..<4 {
        group.addTask {
          var seen = 0
          for _ in 0..<40 {
            let jobs = try reader.jobs(JobQuery()).jobs.count
            let events = try reader.events(after: 0, limit: 10_000).cursors.count
            // Each sees whole change sets, and never less than before.
            guard events >= jobs, jobs >= seen else { return -1 }
            seen = jobs
          }
          return seen
        }
      }
      for number in 2...80 as ClosedRange<UInt64> { try write(number, .relaxed) }
      for try await seen in group { #expect(seen >= 1) }
    }
    try storage.close()
    #expect(kind { _ = try reader.job(id: "nobody") } == .unavailable)
  }

  /// Far more than the log's two files hold goes through it.
  @Test func theLogIsWrittenOverAgainAndAgain() throws {
    for number in 1...1_500 as ClosedRange<UInt64> {
      try write(number, .relaxed, body: 2_000)
      if number % 100 == 0 {
        try storage.overlay.settle()
        _ = try storage.database.locked { database throws(StoreError) in try database.checkpoint(truncate: false) }
      }
    }
    let copy = folder.path + "/copy"
    try storage.freeze { try TemporaryFolder.copy(path, to: copy) }
    let found = try SQLiteStorage.small(path: copy)
    let state = LoadedState()
    try found.load(try found.beginEpoch(), into: state)
    #expect(state.jobs.count == 1_500 && found.openFindings.isEmpty)
    try found.close()
  }
}

extension EventPage {
  fileprivate var cursors: [Int64] {
    if case .events(let events, _) = self { events.map(\.cursor) } else { [] }
  }
}

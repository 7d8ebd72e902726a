import Backlog
import Jobs
import MemoryStorage
import Support
import Testing

/// What is given out once is not given out again, whatever becomes of the loads and writes at the beginning of an epoch.
struct LoadTests {
  private static let now = Moment(wall: Timestamp(seconds: 1_700_000_000), elapsed: Instant(microseconds: 0))

  private func change(_ backlog: Backlog, _ id: String) throws -> ChangeSet {
    _ = try backlog.enqueue([EnqueueGroup(jobs: [NewJob(id: id, queue: "q", name: "n")])], now: Self.now)
    return try #require(backlog.takeChanges(.synced, now: Self.now))
  }

  private func storage() throws -> UnsteadyStorage {
    let storage = UnsteadyStorage(MemoryStorage())
    let epoch = try storage.beginEpoch()
    let backlog = Backlog(rows: storage.rows, seed: 1)
    try backlog.load(storage, epoch, now: Self.now)
    try storage.write([try change(backlog, "a")], epoch: epoch)
    return storage
  }

  /// A watcher is told where a new epoch begins and waits there.
  @Test func aFirstWriteThatFailsDoesNotTakeTheEpochsFirstCursorBack() throws {
    let storage = try storage()
    let epoch = try storage.beginEpoch()
    let backlog = Backlog(rows: storage.rows, seed: 2)
    try backlog.load(storage, epoch, now: Self.now)
    let first = backlog.lastCursor
    #expect(first > 1_000_000, "an epoch leaves out what may have been shown")
    // It is never stored.
    _ = try change(backlog, "b")
    try backlog.load(storage, epoch, now: Self.now)
    #expect(backlog.lastCursor == first)
    let events = try change(backlog, "c").events
    #expect(events.map(\.cursor) == [first + 1])
  }

  /// A storage that failed over has forgotten all that was told in an epoch: the next one's cursors are others.
  @Test func anEpochThatIsForgottenAsAWholeLeavesItsCursorsToNoOther() throws {
    let memory = MemoryStorage(remembersUnsynced: true, firstEpoch: 1 << 26)
    let storage = UnsteadyStorage(memory)
    var cursors: [Int64] = []
    for leader in 0..<20 {
      let epoch = try storage.beginEpoch()
      let backlog = Backlog(rows: storage.rows, seed: UInt64(leader))
      try backlog.load(storage, epoch, now: Self.now)
      let isKept = leader % 5 == 0
      _ = try backlog.enqueue([EnqueueGroup(jobs: [NewJob(queue: "q", name: "n")])], now: Self.now)
      let changes = try #require(backlog.takeChanges(isKept ? .synced : .relaxed, now: Self.now))
      try storage.write([changes], epoch: epoch)
      cursors += changes.events.map(\.cursor)
      if !isKept { memory.losePower() }
    }
    #expect(Set(cursors).count == 20 && cursors == cursors.sorted(), "\(cursors)")
  }

  @Test func anEpochWhoseFirstLoadFailsIsNewStill() throws {
    let storage = try storage()
    let epoch = try storage.beginEpoch()
    let backlog = Backlog(rows: storage.rows, seed: 2)
    storage.plan { $0 == .load ? .fails(.unavailable) : nil }
    #expect(throws: StoreError.self) { try backlog.load(storage, epoch, now: Self.now) }
    storage.heal()
    try backlog.load(storage, epoch, now: Self.now)
    #expect(backlog.lastCursor > 1_000_000)
  }
}

import Backlog
import Jobs
import MemoryStorage
import Testing

/// Unique keys, where the suite of verbs does not look.
struct UniqueTests {
  /// A key is held for a time by the wall clock. When that is set back the time comes again for the one that held it first; meanwhile it may be
  /// another's.
  @Test func aClockThatIsSetBackGivesNoKeyToTwo() throws {
    let storage = MemoryStorage()
    var epoch = try storage.beginEpoch()
    let backlog = Backlog(rows: storage.rows, seed: 1)
    var now = Moment(wall: Timestamp(seconds: 1_700_000_000), elapsed: Instant(microseconds: 0))
    try backlog.load(storage, epoch, now: now)
    func tick() throws {
      guard let changes = backlog.takeChanges(.synced, now: now) else { return }
      try storage.write([changes], epoch: epoch)
      backlog.confirm(changes.number)
    }
    func job(_ id: String, holdFor: Interval? = nil) -> NewJob {
      NewJob(
        id: id, queue: "q", name: "n",
        options: JobOptions(unique: Uniqueness(key: "k", holdFor: holdFor, onConflict: .reject)))
    }
    let first = try backlog.enqueue([EnqueueGroup(jobs: [job("a", holdFor: .seconds(10))])], now: now)
    guard case .stored? = first.first else {
      Issue.record("\(first)")
      return
    }
    _ = try backlog.control([.cancel(jobID: "a", reason: "")], now: now)
    try tick()
    now = now + .seconds(11)
    let second = try backlog.enqueue([EnqueueGroup(jobs: [job("b")])], now: now)
    guard case .stored? = second.first else {
      Issue.record("\(second)")
      return
    }
    try tick()
    for _ in 0..<2 {
      now.wall = now.wall + .seconds(-8)
      let retried = try backlog.control([.retry(jobID: "a", resetAttempts: true)], now: now)
      guard case .refused(.canceled)? = retried.first else {
        Issue.record("\(retried)")
        return
      }
      let third = try backlog.enqueue([EnqueueGroup(jobs: [job("c")])], now: now)
      guard case .conflict("b")? = third.first else {
        Issue.record("\(third)")
        return
      }
      try tick()
      // And the same for a state that is loaded meanwhile.
      epoch = try storage.beginEpoch()
      try backlog.load(storage, epoch, now: now)
    }
  }

  /// Older versions could leave a hold behind of a job that was retried: its key is its own all the same.
  @Test func aHoldThatIsLeftBehindTakesNoKeyFromAWaitingJob() throws {
    let memory = MemoryStorage()
    let storage = LeftHold(memory)
    let now = Moment(wall: Timestamp(seconds: 1_700_000_000), elapsed: Instant(microseconds: 0))
    let job = NewJob(queue: "q", name: "n", options: JobOptions(unique: Uniqueness(key: "k", onConflict: .reject)))
    for round in 0..<2 {
      let backlog = Backlog(rows: storage.rows, seed: 1)
      let epoch = try storage.beginEpoch()
      try backlog.load(storage, epoch, now: now)
      let results = try backlog.enqueue([EnqueueGroup(jobs: [job])], now: now)
      if case .conflict? = results.first {
        #expect(round == 1)
      } else {
        #expect(round == 0)
      }
      if let changes = backlog.takeChanges(.synced, now: now) { try storage.write([changes], epoch: epoch) }
    }
  }
}

/// Says of the first job, besides what is, that it holds its key until a time that is over.
private final class LeftHold: Storage {
  let inner: MemoryStorage
  var kind: String { inner.kind }
  var rows: any RowSource { inner.rows }
  var reader: any JobReader { inner.reader }

  init(_ inner: MemoryStorage) { self.inner = inner }

  func beginEpoch() throws(StoreError) -> Epoch { try inner.beginEpoch() }

  func load(_ epoch: Epoch, into loader: any StateLoader) throws(StoreError) {
    try inner.load(epoch, into: loader)
    loader.addHold(queue: "q", key: "k", seq: 1, until: Timestamp(seconds: 1))
  }

  func write(_ changes: [ChangeSet], epoch: Epoch) throws(StoreError) { try inner.write(changes, epoch: epoch) }
  func sync() throws(StoreError) { try inner.sync() }
  func tidy(now: Timestamp) throws(StoreError) -> Timestamp { try inner.tidy(now: now) }
  func close() throws(StoreError) { try inner.close() }
}

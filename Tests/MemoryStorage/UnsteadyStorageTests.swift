import Foundation
import Jobs
import MemoryStorage
import Support
import Testing

@Suite struct UnsteadyStorageTests {
  private let memory = MemoryStorage(salt: 7, remembersUnsynced: true)
  private let now = Timestamp(seconds: 1_700_000_000)

  private func change(_ number: UInt64, _ durability: Durability) -> ChangeSet {
    var change = ChangeSet(number: number, now: now, durability: durability)
    let head = JobHead(
      seq: Int64(number), job: NewJob(id: "j\(number)", name: "a", runAt: now), isChosen: true, createdAt: now)
    change.jobs = [JobChange(head: head, standing: head.untouched, isNew: true, body: [1])]
    change.events = [Event(cursor: Int64(number), kind: .enqueued, at: now, jobID: head.job.id)]
    change.nextSeq = Int64(number) + 1
    return change
  }

  private func ids(_ storage: any Storage) throws -> [String] { try storage.reader.jobs(JobQuery()).jobs.map(\.job.id) }

  @Test func whatFailsIsNotDoneAndWhatIsInDoubtIs() throws {
    let storage = UnsteadyStorage(memory)
    let epoch = try storage.beginEpoch()
    storage.plan { $0 == .write ? .fails(.full) : nil }
    #expect(throws: StoreError.self) { try storage.write([change(1, .synced)], epoch: epoch) }
    #expect(try ids(storage).isEmpty)
    storage.plan { $0 == .write ? .isInDoubt : nil }
    #expect(throws: StoreError.self) { try storage.write([change(1, .synced)], epoch: epoch) }
    #expect(try ids(storage) == ["j1"])
    storage.plan { $0 == .write ? .isHalfInDoubt : nil }
    #expect(throws: StoreError.self) {
      try storage.write([change(2, .synced), change(3, .synced)], epoch: epoch)
    }
    #expect(try ids(storage) == ["j2", "j1"])
    storage.heal()
    let state = LoadedState()
    try storage.load(epoch, into: state)
    #expect(state.lastNumber == 2)
    try storage.write([change(3, .synced)], epoch: epoch)
    #expect(storage.count(.write) == 4)
  }

  @Test func powerLossTakesWhatWasNotSynced() throws {
    let memory = memory
    let storage = UnsteadyStorage(memory, losePower: { memory.losePower() })
    var epoch = try storage.beginEpoch()
    try storage.write([change(1, .synced), change(2, .relaxed)], epoch: epoch)
    try storage.write([change(3, .relaxed), change(4, .relaxed)], epoch: epoch)
    storage.losePower()
    #expect(try ids(storage) == ["j2", "j1"])
    epoch = try storage.beginEpoch()
    let state = LoadedState()
    try storage.load(epoch, into: state)
    #expect(state.nextSeq == 3 && state.lastCursor == 2 && state.jobs.count == 2 && state.lastNumber == 0)
    guard case .events(let events, _) = try storage.reader.events(after: 0, limit: 9) else { return }
    #expect(events.map(\.cursor) == [1, 2])
    var next = change(1, .relaxed)
    next.jobs = []
    next.events[0].cursor = 3
    try storage.write([next], epoch: epoch)
    try storage.sync()
    storage.losePower()
    guard case .events(let after, _) = try storage.reader.events(after: 2, limit: 9) else { return }
    #expect(after.map(\.cursor) == [3])
  }

  @Test func whatHangsGoesOnWhenItIsReleased() async throws {
    let storage = UnsteadyStorage(memory)
    let epoch = try storage.beginEpoch()
    storage.plan { $0 == .write ? .hangs : nil }
    let first = change(1, .synced)
    let thread = Thread { try? storage.write([first], epoch: epoch) }
    thread.start()
    while storage.hanging == 0 { try await Task.sleep(for: .milliseconds(1)) }
    #expect(try ids(storage).isEmpty)
    storage.heal()
    while storage.hanging > 0 { try await Task.sleep(for: .milliseconds(1)) }
    while try ids(storage).isEmpty { try await Task.sleep(for: .milliseconds(1)) }
    #expect(try ids(storage) == ["j1"])
  }
}

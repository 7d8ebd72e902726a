import Backlog
import Jobs
import MemoryStorage
import Testing

/// What programs put into the storage by themselves.
struct IntakeTests {
  private static let now = Moment(wall: Timestamp(seconds: 1_700_000_000), elapsed: Instant(microseconds: 0))

  private func item(_ number: Int64, _ job: NewJob, fault: String? = nil) -> InboxItem {
    InboxItem(number: number, job: job, fault: fault)
  }

  @Test func eachBecomesAJobOrIsRefusedAloud() throws {
    let storage = MemoryStorage()
    let epoch = try storage.beginEpoch()
    let backlog = Backlog(rows: storage.rows, seed: 1)
    try backlog.load(storage, epoch, now: Self.now)
    func unique(_ id: String, _ onConflict: Uniqueness.OnConflict = .keep) -> NewJob {
      NewJob(id: id, queue: "q", name: "n", options: JobOptions(unique: Uniqueness(key: "k", onConflict: onConflict)))
    }
    let queues = try backlog.takeIn(
      [
        item(1, NewJob(id: "a", queue: "q", name: "n")), item(2, NewJob(id: "a", queue: "q", name: "n")),
        item(3, NewJob(id: "b", name: ""), fault: "name: required"), item(4, unique("c")),
        item(5, unique("d", .reject)),
        item(6, unique("e", .replace)),
        item(7, NewJob(id: "f", queue: "q", name: "n", options: JobOptions(dependsOn: ["nobody"]))),
      ], now: Self.now)
    #expect(queues == ["q", "q"])
    let change = try #require(backlog.takeChanges(.synced, now: Self.now))
    #expect(change.jobs.map(\.head.job.id) == ["a", "c"])
    #expect(change.taken.map(\.number) == [1, 2, 3, 4, 5, 6, 7])
    let refusals = change.taken.map { $0.refusal.map { "\($0.id) \($0.existingID)" } }
    #expect(refusals == [nil, "a a", "b ", nil, "d c", "e c", "f nobody"])
    let refused = change.events.filter { $0.kind == .refused }
    #expect(refused.map(\.jobID) == ["a", "b", "d", "e", "f"])
    for event in refused {
      guard case .failure(let failure) = event.detail else {
        Issue.record("no reason is told")
        continue
      }
      #expect(!failure.message.isEmpty && !failure.retryable)
    }
    #expect(backlog.takeChanges(.synced, now: Self.now) == nil, "taken once")
  }
}

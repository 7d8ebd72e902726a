import Engine
import Jobs
import Testing

@testable import Services

@Suite struct HostTests {
  @Test func numbersOfTheRouteTableAreNotUsedTwice() {
    var table = RouteTable<Int>()
    let first = table.insert(1)
    #expect(table[first] == 1)
    #expect(table.remove(first) == 1)
    let second = table.insert(2)
    #expect(first != second)
    #expect(table[first] == nil)
    #expect(table.remove(first) == nil)
    #expect(table[second] == 2)
    #expect(table.entries == [2])
    #expect(table[.max] == nil)
  }

  private let route = Route(loop: 0, id: 1)

  @Test func aFullMailboxRefusesAndLaterRelieves() {
    var limits = HostLimits()
    limits.commands = 4
    let mailbox = Mailbox(limits: limits)
    for _ in 0..<4 { #expect(mailbox.push(.queues(route), size: 0, mustFit: false) == .accepted) }
    #expect(mailbox.push(.queues(route), size: 0, mustFit: false) == .full)
    // An outcome is taken, and its sender slowed down.
    #expect(mailbox.push(.queues(route), size: 0, mustFit: true) == .pressed)
    var batch = CommandBatch()
    var done: [StorageDesk.Outcome] = []
    mailbox.take(into: &batch, &done)
    #expect(batch.count == 5)
    // What was taken but not begun still counts.
    #expect(mailbox.push(.queues(route), size: 0, mustFit: false) == .full)
    #expect(!mailbox.begin(1))
    #expect(mailbox.begin(4))
    #expect(mailbox.push(.queues(route), size: 0, mustFit: false) == .accepted)
    #expect(mailbox.figures.refused == 2)
  }

  @Test func bytesCountToo() {
    var limits = HostLimits()
    limits.commandBytes = 100
    let mailbox = Mailbox(limits: limits)
    #expect(mailbox.push(.queues(route), size: 100, mustFit: false) == .accepted)
    #expect(mailbox.push(.queues(route), size: 1, mustFit: false) == .full)
    #expect(mailbox.push(.queues(route), size: 0, mustFit: false) == .accepted)
  }

  @Test func aClosedMailboxGivesOutWhatItHas() {
    let mailbox = Mailbox(limits: HostLimits())
    _ = mailbox.push(.queues(route), size: 0, mustFit: false)
    mailbox.close()
    #expect(mailbox.push(.queues(route), size: 0, mustFit: true) == .closed)
    var batch = CommandBatch()
    var done: [StorageDesk.Outcome] = []
    #expect(mailbox.wait())
    mailbox.take(into: &batch, &done)
    #expect(batch.count == 1)
    #expect(!mailbox.wait())
  }

  @Test func aClosedMailboxWaitsForWhatIsBeingStored() {
    let mailbox = Mailbox(limits: HostLimits())
    mailbox.note(alarm: nil, isBusy: true)
    mailbox.close()
    mailbox.push(StorageDesk.Outcome.stored(through: 7, microseconds: 1))
    var batch = CommandBatch()
    var done: [StorageDesk.Outcome] = []
    #expect(mailbox.wait())
    mailbox.take(into: &batch, &done)
    #expect(done.count == 1)
    mailbox.note(alarm: nil, isBusy: false)
    #expect(!mailbox.wait())
  }

  @Test func whoWaitsForMoreGivesOutWhatItHasInTheEnd() {
    let mailbox = Mailbox(limits: HostLimits())
    _ = mailbox.push(.queues(route), size: 0, mustFit: false)
    mailbox.committed(answered: 100, microseconds: 200)
    #expect(mailbox.wait())
    var batch = CommandBatch()
    var done: [StorageDesk.Outcome] = []
    mailbox.take(into: &batch, &done)
    #expect(batch.count == 1)
  }

  /// What is due is not put off, and a time that comes sooner than the one for which the thread sleeps wakes it.
  @Test(.timeLimit(.minutes(1))) func theAlarmWakesTheEnginesThread() async {
    let mailbox = Mailbox(limits: HostLimits())
    mailbox.committed(answered: 100, microseconds: 1_000)
    mailbox.note(alarm: 0, isBusy: false)
    #expect(mailbox.wait())
    mailbox.note(alarm: nil, isBusy: false)
    async let woken = Task.detached { mailbox.wait() }.value
    while !Task.isCancelled, !mailbox.isAsleep { await Task.yield() }
    mailbox.note(alarm: 1, isBusy: false)
    #expect(await woken)
  }

  @Test(.timeLimit(.minutes(1))) func fewSmallCommandsAreLeftToWhoeverPushedThem() async {
    let mailbox = Mailbox(limits: HostLimits())
    var batch = CommandBatch()
    // Nobody sleeps: the engine's thread is about to take it.
    #expect(mailbox.push(.fence(route), size: 0, mustFit: true, quietly: true) == .accepted)
    #expect(!mailbox.takeFew(into: &batch))
    var done: [StorageDesk.Outcome] = []
    mailbox.take(into: &batch, &done)
    batch = CommandBatch()
    async let woken = Task.detached { mailbox.wait() }.value
    while !Task.isCancelled, !mailbox.isAsleep { await Task.yield() }
    for _ in 0..<Mailbox.few {
      #expect(mailbox.push(.fence(route), size: 0, mustFit: true, quietly: true) == .accepted)
    }
    #expect(mailbox.takeFew(into: &batch))
    #expect(batch.count == Mailbox.few)
    batch = CommandBatch()
    // A large one, or one too many, is for the engine's thread.
    _ = mailbox.push(.queues(route), size: 0, mustFit: true, quietly: true)
    #expect(!mailbox.takeFew(into: &batch))
    mailbox.wake()
    #expect(await woken)
  }

  /// Pages end early rather than make a message that stock clients refuse.
  @Test func pagesOfLargeJobsAreShort() async throws {
    struct Large: JobReader {
      func job(id: String) -> JobRecord? { nil }
      func events(after cursor: Int64, limit: Int) -> EventPage { .events([], next: cursor) }
      func jobs(_ query: JobQuery) -> JobPage {
        let from = query.before ?? 101
        let jobs = (1...query.limit).map { from - Int64($0) }.filter { $0 > 0 }.map {
          JobRecord(
            seq: $0, job: NewJob(name: "n", body: [UInt8](repeating: 0, count: 500_000)), state: .ready,
            createdAt: Timestamp(seconds: 0), runAt: Timestamp(seconds: 0))
        }
        return JobPage(jobs: jobs, next: jobs.last.flatMap { $0.seq > 1 ? $0.seq : nil })
      }
    }
    let reads = ReadPool(reader: Large(), limits: HostLimits())
    let (answers, continuation) = AsyncStream.makeStream(of: ReadAnswer.self)
    #expect(reads.start(threads: 1) { batch in for answer in batch { continuation.yield(answer.0) } })
    var iterator = answers.makeAsyncIterator()
    var seen: [Int64] = []
    var before: Int64?
    repeat {
      var query = JobQuery()
      query.limit = 1_000
      query.before = before
      #expect(reads.push(.jobs(query), route) != nil)
      guard case .jobs(let page) = await iterator.next() else { break }
      #expect((1...7).contains(page.jobs.count))
      seen += page.jobs.map(\.seq)
      before = page.next
    } while before != nil
    #expect(seen == (1...100).reversed().map { Int64($0) })
    reads.close()
  }
}

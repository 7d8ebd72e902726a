import Engine
import Glibc
import Jobs
import Synchronization
import Testing

@testable import Services

/// Has a million jobs, none of which matches: every piece is empty and has a next one.
private final class Endless: JobReader {
  let pieces = Atomic<Int>(0)
  /// So many pieces are read; the next one waits until it may be more. A list that comes to its end on a busy machine says nothing.
  let most = Atomic<Int>(.max)

  func job(id: String) -> JobRecord? { nil }
  func events(after cursor: Int64, limit: Int) -> EventPage { .events([], next: cursor) }
  func jobs(_ query: JobQuery) -> JobPage {
    let count = pieces.add(1, ordering: .relaxed).newValue
    while count > most.load(ordering: .relaxed) { usleep(100) }
    // About as long as a store takes to look at a thousand rows.
    let end = WallClock.read(CLOCK_MONOTONIC) + 200
    while WallClock.read(CLOCK_MONOTONIC) < end {}
    return JobPage(jobs: [], next: (query.before ?? 1_000_000) - 1)
  }
}

private let route = Route(loop: 0, id: 1)

@Suite struct ReadPoolTests {
  @Test(.timeLimit(.minutes(1))) func oneJobIsNotBehindLists() async throws {
    let reader = Endless()
    reader.most.store(60, ordering: .relaxed)
    let reads = ReadPool(reader: reader, limits: HostLimits())
    let (answers, continuation) = AsyncStream.makeStream(of: ReadAnswer.self)
    #expect(reads.start(threads: 2) { batch in for answer in batch { continuation.yield(answer.0) } })
    let tickets = (0..<60).compactMap { _ in reads.push(.jobs(JobQuery()), route) }
    #expect(tickets.count == 60)
    while !Task.isCancelled, reader.pieces.load(ordering: .relaxed) < 60 { await Task.yield() }
    #expect(reads.push(.job(id: "j"), route) != nil)
    reader.most.store(.max, ordering: .relaxed)
    var iterator = answers.makeAsyncIterator()
    guard case .job = await iterator.next() else {
      Issue.record("a list came first, or nothing")
      return
    }
    for ticket in tickets { ticket.withdraw() }
    reads.close()
  }

  /// Whoever asked has gone: nothing more is looked at for them.
  @Test(.timeLimit(.minutes(1))) func withdrawnListsStop() async throws {
    let reader = Endless()
    let reads = ReadPool(reader: reader, limits: HostLimits())
    let (answers, continuation) = AsyncStream.makeStream(of: ReadAnswer.self)
    #expect(reads.start(threads: 2) { batch in for answer in batch { continuation.yield(answer.0) } })
    let tickets = (0..<60).compactMap { _ in reads.push(.jobs(JobQuery()), route) }
    while !Task.isCancelled, reader.pieces.load(ordering: .relaxed) < 60 { await Task.yield() }
    for ticket in tickets { ticket.withdraw() }
    let before = reader.pieces.load(ordering: .relaxed)
    // One that nobody gave up is answered, with a page that is empty and has a next one.
    #expect(reads.push(.jobs(JobQuery()), route) != nil)
    var iterator = answers.makeAsyncIterator()
    guard case .jobs(let page) = await iterator.next() else {
      Issue.record("no page")
      return
    }
    #expect(page.jobs.isEmpty && page.next != nil)
    #expect(reader.pieces.load(ordering: .relaxed) - before < 2 * PageScan.maxPieces)
    reads.close()
  }
}

import Jobs
import Testing

@testable import Backlog

/// What is read for claims at once: few round trips for small jobs, a bounded number of bytes for large ones.
struct ReadAheadTests {
  private func read(_ count: Int, of size: Int) throws -> (found: Int, reads: Int, rows: Int) {
    let rig = try FlowRig()
    let body = [UInt8](repeating: 1, count: size)
    try rig.enqueue((0..<count).map { _ in NewJob(queue: "q", name: "n", payloadSize: size, body: body) })
    _ = rig.rows.take()
    let request = RowRequest.jobs((1...count).map(Int64.init), bodies: true, isAhead: true)
    guard case .jobs(let found) = try request.read(rig.rows) else { return (0, 0, 0) }
    #expect(found.map { $0?.seq } == (1...found.count).map(Int64.init), "the first ones, in order")
    let counts = rig.rows.take()
    return (found.count, counts.reads, counts.rows)
  }

  @Test func smallJobsAreReadInTwoReads() throws {
    #expect(try read(20, of: 100) == (20, 1, 20))
    #expect(try read(400, of: 100) == (400, 2, 400))
  }

  @Test func ofLargeJobsAreReadTheFirst() throws {
    #expect(try read(60, of: 400_000) == (32, 1, 32))
    let (found, _, rows) = try read(100, of: 200_000)
    #expect(rows == found && (40...48).contains(found))
  }
}

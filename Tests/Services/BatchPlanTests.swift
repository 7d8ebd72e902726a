import Jobs
import RPC
import Testing
import Wire

@testable import Services

@Suite struct BatchPlanTests {
  private func plan(_ names: [String], allOrNothing: Bool) throws -> BatchPlan {
    let codec = Codec()
    _ = codec.encodeEnqueueBatchRequest(
      names.map {
        var spec = JobSpec()
        spec.name = $0
        return JobOrder(job: spec)
      }, allOrNothing: allOrNothing)
    let bytes = codec.packed()
    return BatchPlan(try codec.decodeEnqueueBatchRequest(bytes.span.bytes, now: Timestamp(seconds: 0)))
  }

  private let stored = EnqueueResult.stored(id: "a", state: .ready, runAt: Timestamp(seconds: 1))

  @Test func resultsAreInTheOrderOfTheRequest() throws {
    let plan = try plan(["x", "", "y"], allOrNothing: false)
    #expect(plan.group.jobs.map(\.name) == ["x", "y"])
    let results = plan.results([stored, .conflict(existing: "b")])
    #expect(results.map(\.statusCode) == [0, 3, 6])
    #expect(results.map(\.jobID) == ["a", "", "b"])
  }

  @Test func oneInvalidJobRefusesAllOrNothing() throws {
    let plan = try plan(["x", ""], allOrNothing: true)
    #expect(plan.isAnswered)
    #expect(plan.results().map(\.statusCode) == [10, 3])
  }

  @Test func aFailedStoreIsSaidOfEachJob() throws {
    let plan = try plan(["x", ""], allOrNothing: false)
    let results = plan.results(failing: Status(StoreError(.unavailable, "away")))
    #expect(results.map(\.statusCode) == [14, 3])
  }
}

import Jobs
import NIOCore
import RPC
import Testing
import Wire

@testable import GKick

/// Every timer of a worker, under a clock that only the test turns.
@Suite(.timeLimit(.minutes(1))) struct WorkerLoopClockTests {
  @Test func aQuietWorkerBeatsTwiceAsOftenAsAskedFor() async throws {
    let server = try await ScriptedWork()
    await server.begin()
    for _ in 0..<12 {
      await server.advance(.seconds(5))
      await server.say(WorkerUpdate(seq: 0))
    }
    // What it says besides only confirms what it was told.
    let beats = await server.heard().count { $0.hello == nil && $0.message.ackSeq == 0 }
    #expect(beats == 12)
    #expect(await server.streams == 1)
    await server.stop()
  }

  @Test func silenceOfAWholeLeaseEndsTheConnectionAndTheJobsGoOn() async throws {
    let server = try await ScriptedWork()
    await server.begin()
    await server.give("obeys", token: 1)
    await server.advance(.seconds(29))
    #expect(await server.streams == 1)
    await server.advance(.seconds(7))
    // A connection of its own: the old one is closed.
    #expect(await server.streams == 2)
    #expect(await server.onLoop { script, _ in !script.streams[0].isOpen && script.streams[1].isOpen })
    let hello = await server.heard(on: 1).first?.hello
    #expect(hello?.held == [Lease(jobID: "1", token: 1)])
    #expect(!server.steps.list.contains("is canceled 1"))
    await server.stop()
  }

  @Test func aServerThatNeverGreetsIsAsDead() async throws {
    let server = try await ScriptedWork()
    await server.onLoop { script, _ in script.greets = false }
    await server.begin()
    await server.advance(.seconds(36))
    #expect(await server.streams == 2)
    await server.advance(.seconds(72))
    #expect((3...4).contains(await server.streams))
    await server.stop()
  }

  @Test func refusalsAreTriedAgainEverMoreSeldom() async throws {
    let server = try await ScriptedWork()
    await server.onLoop { script, _ in script.refusal = Status(.unavailable, "not now") }
    await server.begin()
    for _ in 0..<60 { await server.advance(.seconds(1)) }
    let began = await server.onLoop { script, _ in script.began }
    let waits = zip(began, began.dropFirst()).map { Double(($1 - $0).nanoseconds) / 1e6 }
    for (wait, meant) in zip(waits, [100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000, 5_000]) {
      #expect(wait >= Double(meant) * 0.79 && wait <= Double(meant) * 1.21)
    }
    // As long as the server says.
    await server.onLoop { script, _ in script.refusal = Status(.unavailable, "not now", retryPushback: 2_000) }
    await server.advance(.seconds(7))
    let before = await server.streams
    await server.advance(.seconds(20))
    #expect((9...11).contains(await server.streams - before))
    await server.onLoop { script, _ in script.refusal = nil }
    await server.advance(.seconds(3))
    #expect(await server.heard().contains { $0.hello != nil })
    #expect(await server.end == nil)
    await server.stop()
  }

  @Test(arguments: [StatusCode.invalidArgument, .unauthenticated, .permissionDenied, .unimplemented, .aborted])
  func aRefusalForGoodEndsIt(_ code: StatusCode) async throws {
    let server = try await ScriptedWork()
    await server.onLoop { script, _ in script.refusal = Status(code, "never") }
    await server.begin()
    await server.advance(.seconds(60))
    #expect(await server.streams == 1)
    let end = await server.end
    #expect(throws: GKickError.self) { try end?.get() }
    await server.stop()
  }

  @Test func anAttemptsTimeIsKeptAlsoWhenTheServerCannotSaySo() async throws {
    let server = try await ScriptedWork()
    await server.begin()
    await server.give("obeys", token: 1, deadline: ScriptedWork.start + .seconds(10))
    // Past already when it came: the clocks differ, and nothing is made of it.
    await server.give("obeys", token: 2, deadline: ScriptedWork.start + .seconds(-5))
    await server.advance(.milliseconds(10_999))
    #expect(!server.steps.list.contains("is canceled 1"))
    await server.advance(.milliseconds(1))
    await server.wait { $0.contains("is canceled 1") }
    guard case .failure(let failure)? = await server.outcomes(1).first?.how else {
      Issue.record("no failure")
      return await server.stop()
    }
    #expect(failure.type == "timeout" && failure.retryable)
    #expect(!server.steps.list.contains("is canceled 2"))
    await server.stop()
  }

  @Test func whatCouldNotBeStoredIsSaidAgainWithTheNextBeat() async throws {
    let server = try await ScriptedWork()
    await server.begin()
    await server.give("succeeds", token: 1)
    #expect(await server.outcomes(1).count == 1)
    let lease = Lease(jobID: "1", token: 1)
    await server.say(
      WorkerUpdate(
        seq: 0, results: [LeaseResult(lease: lease, code: .failed(StoreError(.unavailable, "away")))]))
    await server.advance(.milliseconds(4_900))
    #expect(await server.outcomes(1).count == 1)
    await server.advance(.milliseconds(200))
    #expect(await server.outcomes(2).map(\.lease) == [lease, lease])
    await server.say(WorkerUpdate(seq: 0, results: [LeaseResult(lease: lease, code: .stored)]))
    await server.say(WorkerUpdate(seq: 0))
    await server.advance(.seconds(20))
    #expect(await server.outcomes(2).count == 2)
    await server.stop()
  }

  @Test func drainingWaitsSoLongAndThenGivesBackWhatRuns() async throws {
    let server = try await ScriptedWork {
      $0.drainTimeout = .seconds(20)
      $0.stopTimeout = .seconds(4)
    }
    await server.begin()
    await server.give("obeys", token: 1)
    await server.give("ignores", token: 2)
    await server.onLoop { $1.drain() }
    #expect(await server.heard().contains { $0.message.drain })
    for _ in 0..<3 {
      await server.advance(.seconds(6))
      await server.say(WorkerUpdate(seq: 0))
    }
    #expect(!server.steps.list.contains("is canceled 1"))
    await server.advance(.seconds(2))
    await server.wait { $0.contains("is canceled 1") }
    guard case .release? = await server.outcomes(1).first?.how else {
      Issue.record("not given back")
      return await server.stop()
    }
    await server.say(WorkerUpdate(seq: 0, results: [LeaseResult(lease: Lease(jobID: "1", token: 1), code: .stored)]))
    // The one that does not listen is not waited for any longer.
    await server.advance(.milliseconds(3_900))
    #expect(await server.end == nil)
    await server.advance(.milliseconds(200))
    let end = await server.end
    #expect(end != nil)
    #expect(throws: Never.self) { try end?.get() }
    let streams = await server.streams
    await server.advance(.seconds(600))
    #expect(await server.streams == streams, "no timer of it is left")
    await server.stop()
  }

  @Test func whoHoldsNothingEndsAtOnce() async throws {
    for isConnected in [false, true] {
      let server = try await ScriptedWork()
      await server.onLoop { script, _ in script.refusal = isConnected ? nil : Status(.unavailable, "not now") }
      await server.begin()
      await server.onLoop { $1.stop() }
      #expect(await server.end != nil, "\(isConnected)")
      let streams = await server.streams
      await server.advance(.seconds(600))
      #expect(await server.streams == streams)
      await server.stop()
    }
  }
}

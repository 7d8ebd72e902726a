import Jobs
import Testing

@testable import GKick
@testable import Wire

@Suite struct WorkerMachineTests {
  private func response(_ seq: UInt64, welcome: WelcomeInfo? = nil, jobs: [UInt64] = []) -> WorkResponseInfo {
    var response = WorkResponseInfo()
    response.seq = seq
    response.welcome = welcome
    response.jobs = jobs.map { Wire.Assignment(lease: Lease(jobID: "job\($0)", token: $0)) }
    return response
  }

  /// A machine that is connected and holds these jobs.
  private func machine(holding jobs: [UInt64]) -> WorkerMachine {
    var machine = WorkerMachine()
    let answer1 = machine.connecting()
    #expect(answer1.isEmpty)
    let answer2 = machine.nextMessage()
    #expect(answer2?.ackSeq == nil)
    _ = machine.received(response(1, welcome: WelcomeInfo()))
    let answer3 = machine.received(response(2, jobs: jobs))
    #expect(answer3.count == jobs.count)
    return machine
  }

  private func result(_ token: UInt64, _ code: Int32 = 0) -> WorkResponseInfo {
    var response = response(3)
    response.results = [
      OutcomeStatus(lease: Lease(jobID: "job\(token)", token: token), statusCode: code, statusMessage: "")
    ]
    return response
  }

  private func next(of machine: inout WorkerMachine) throws -> WorkerMessage {
    let next = machine.nextMessage()
    return try #require(next)
  }

  @Test func confirmsAndReportsInOneMessage() throws {
    var machine = machine(holding: [1, 2, 3])
    machine.finished(1, .success(result: [1]))
    machine.finished(2, .canceled)
    let message = try next(of: &machine)
    #expect(message.ackSeq == 2)
    #expect(message.outcomes.map(\.lease.token) == [1, 2])
    let none = machine.nextMessage()
    #expect(none?.ackSeq == nil)
    #expect(machine.runningCount == 1)
    #expect(machine.heldCount == 3)
    _ = machine.received(result(1))
    #expect(machine.heldCount == 2)
  }

  @Test func keepsOutcomesUntilTheyAreStored() throws {
    var machine = machine(holding: [1, 2])
    machine.finished(1, .success(result: []))
    _ = machine.nextMessage()
    // The stream breaks before the answer.
    machine.disconnected()
    machine.finished(2, .success(result: []))
    let answer4 = machine.nextMessage()
    #expect(answer4?.ackSeq == nil)
    let answer5 = machine.connecting()
    #expect(answer5.map(\.token) == [1, 2])
    _ = machine.received(response(1, welcome: WelcomeInfo()))
    let message = try next(of: &machine)
    #expect(message.outcomes.map(\.lease.token) == [1, 2])
    #expect(message.ackSeq == 1)
    _ = machine.received(result(1))
    // No longer ours: also done with.
    _ = machine.received(result(2, 9))
    #expect(machine.heldCount == 0)
  }

  @Test func saysAgainWhatCouldNotBeStored() throws {
    var machine = machine(holding: [1])
    machine.finished(1, .success(result: []))
    _ = machine.nextMessage()
    _ = machine.received(result(1, 14))
    let confirmation = machine.nextMessage()
    #expect(confirmation?.outcomes.isEmpty == true)
    machine.resend()
    let last = try next(of: &machine)
    #expect(last.outcomes.count == 1)
  }

  @Test func anOutcomeThatIsRefusedForGoodBecomesAFailure() throws {
    var machine = machine(holding: [1])
    machine.finished(1, .success(result: [UInt8](repeating: 0, count: 100)))
    #expect(try next(of: &machine).outcomes.count == 1)
    var refused = result(1, 3)
    refused.results[0].statusMessage = "result: at most 10 bytes"
    _ = machine.received(refused)
    let again = try next(of: &machine)
    guard case .failure(let failure)? = again.outcomes.first?.how else {
      Issue.record("\(again)")
      return
    }
    #expect(failure.message == "result: at most 10 bytes")
    #expect(failure.retryable)
    // A server that refuses that too is not asked a third time.
    _ = machine.received(refused)
    let nothing = machine.nextMessage()
    #expect(nothing == nil)
    #expect(machine.heldCount == 0)
  }

  @Test func lostLeasesAreStoppedAndNotReported() throws {
    var machine = machine(holding: [1, 2])
    machine.finished(2, .success(result: []))
    machine.disconnected()
    _ = machine.connecting()
    var welcome = WelcomeInfo()
    welcome.lost = [Lease(jobID: "job1", token: 1), Lease(jobID: "job2", token: 2)]
    let actions = machine.received(response(1, welcome: welcome))
    guard case .stop(1, .leaseLost)? = actions.first, actions.count == 1 else {
      Issue.record("\(actions)")
      return
    }
    machine.finished(1, .success(result: []))
    let last = try next(of: &machine)
    #expect(last.outcomes.isEmpty)
    #expect(machine.heldCount == 0)
  }

  @Test func whatAStoppedJobThrowsIsReportedAsTheStop() throws {
    let failure = WorkerOutcome.How.failure(Failure(type: "CancellationError", message: ""))
    for (reason, expected) in [("canceled", "canceled"), ("timeout", "failure timeout")] {
      var machine = machine(holding: [1, 2])
      for token in [1, 2] as [UInt64] {
        var response = response(3)
        response.cancellations = [CancellationInfo(lease: Lease(jobID: "job\(token)", token: token), reason: reason)]
        let answer6 = machine.received(response)
        #expect(answer6.count == 1)
        // Told twice, done once.
        let answer7 = machine.received(response)
        #expect(answer7.isEmpty)
      }
      machine.finished(1, failure)
      machine.finished(2, .success(result: []))
      let outcomes = try next(of: &machine).outcomes
      switch outcomes[0].how {
      case .canceled: #expect(expected == "canceled")
      case .failure(let failure): #expect(expected == "failure \(failure.type)")
      default: Issue.record("\(outcomes[0])")
      }
      guard case .success = outcomes[1].how else {
        Issue.record("a success stays one")
        return
      }
    }
  }

  @Test func aStoppingWorkerGivesBack() throws {
    var machine = machine(holding: [1, 2])
    machine.drain()
    let answer8 = machine.stopAll(.shutdown)
    #expect(answer8.count == 2)
    machine.finished(1, .failure(Failure(type: "CancellationError", message: "")))
    let message = try next(of: &machine)
    #expect(message.drain)
    guard case .release(nil)? = message.outcomes.first?.how else {
      Issue.record("\(message)")
      return
    }
    machine.finished(2, .success(result: []))
    let last = try next(of: &machine)
    #expect(last.drain == false)
  }

  @Test func cutsWhatIsTooMuchForOneMessage() throws {
    var machine = machine(holding: Array(1...2_500))
    for token in 1...2_500 as ClosedRange<UInt64> { machine.finished(token, .success(result: [])) }
    var counts: [Int] = []
    while let message = machine.nextMessage() { counts.append(message.outcomes.count) }
    #expect(counts == [1_000, 1_000, 500])

    var large = self.machine(holding: [1, 2, 3])
    for token in 1...3 as ClosedRange<UInt64> {
      large.finished(token, .success(result: Array(repeating: 0, count: 700_000)))
    }
    counts = []
    while let message = large.nextMessage() { counts.append(message.outcomes.count) }
    #expect(counts == [1, 1, 1])
  }

  @Test func onlyTheLatestProgressIsSent() throws {
    var machine = machine(holding: [1])
    for percent in 1...50 as ClosedRange<UInt32> { machine.progressed(1, percent: percent, "") }
    machine.progressed(9, percent: 1, "not ours")
    let message = try next(of: &machine)
    #expect(message.progress.map(\.progress.percent) == [50])
    machine.progressed(1, percent: 60, "")
    machine.finished(1, .success(result: []))
    let last = try next(of: &machine)
    #expect(last.progress.isEmpty)
  }
}

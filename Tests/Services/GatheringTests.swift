import Testing

@testable import Services

@Suite struct GatheringTests {
  @Test func onlyAfterACommitThatManyWaitedFor() {
    var gathering = Gathering()
    #expect(gathering.plan(waiting: 0) == nil)
    gathering.committed(answered: Gathering.fewest - 1, microseconds: 400)
    #expect(gathering.plan(waiting: 0) == nil)
    gathering.committed(answered: 64, microseconds: 400)
    #expect(gathering.plan(waiting: 0)?.more == 56)
    #expect(gathering.plan(waiting: 0)?.microseconds == 800)
    // Once after each commit.
    gathering.begin()
    gathering.gathered(56, of: 56)
    #expect(gathering.plan(waiting: 0) == nil)
  }

  @Test func aFullTickIsNotWaitedFor() {
    var gathering = Gathering()
    gathering.committed(answered: 512, microseconds: 400)
    #expect(gathering.plan(waiting: 0)?.more == Gathering.enough)
    #expect(gathering.plan(waiting: 100)?.more == Gathering.enough - 100)
    #expect(gathering.plan(waiting: Gathering.enough) == nil)
  }

  @Test func theWaitIsBounded() {
    var gathering = Gathering()
    gathering.committed(answered: 64, microseconds: Gathering.shortest / 2 - 1)
    #expect(gathering.plan(waiting: 0) == nil)
    for _ in 0..<100 { gathering.committed(answered: 64, microseconds: 1_000_000) }
    #expect(gathering.plan(waiting: 0)?.microseconds == Gathering.longest)
  }

  @Test func whoDoesNotComeBackIsNotWaitedForTheNextTime() {
    var gathering = Gathering()
    var wanted: [Int] = []
    // Of 64 callers 44 send another command at once.
    for _ in 0..<12 {
      gathering.committed(answered: 64, microseconds: 400)
      guard let plan = gathering.plan(waiting: 0) else { break }
      wanted.append(plan.more)
      gathering.gathered(min(44, plan.more), of: plan.more)
    }
    #expect(wanted == [56, 48, 40, 41, 42, 43, 44, 45, 37, 38, 39, 40])
  }

  @Test func waitingInVainIsTriedLessAndLess() {
    var gathering = Gathering()
    var pauses: [Int] = []
    for _ in 0..<8 {
      var ticks = 0
      repeat {
        gathering.committed(answered: 64, microseconds: 400)
        ticks += 1
      } while gathering.plan(waiting: 0) == nil
      pauses.append(ticks)
      gathering.gathered(0, of: 56)
    }
    #expect(pauses == [1, 1, 2, 4, 8, 16, 32, 64])
    while gathering.plan(waiting: 0) == nil { gathering.committed(answered: 64, microseconds: 400) }
    // It pays again: so it is done again.
    gathering.gathered(28, of: 56)
    gathering.committed(answered: 64, microseconds: 400)
    #expect(gathering.plan(waiting: 0) != nil)
  }
}

import Testing

@testable import Services

@Suite struct GatheringTests {
  @Test func onlyAfterACommitThatManyWaitedFor() {
    var gathering = Gathering()
    #expect(gathering.plan == nil)
    gathering.committed(answered: Gathering.fewest - 1, microseconds: 400)
    #expect(gathering.plan == nil)
    gathering.committed(answered: 64, microseconds: 400)
    #expect(gathering.plan?.more == 48)
    #expect(gathering.plan?.microseconds == 400)
    // Once after each commit.
    gathering.gathered(48, of: 48)
    #expect(gathering.plan == nil)
  }

  @Test func theWaitIsShortBesideACommit() {
    var gathering = Gathering()
    gathering.committed(answered: 64, microseconds: Gathering.shortest - 1)
    #expect(gathering.plan == nil)
    for _ in 0..<100 { gathering.committed(answered: 64, microseconds: 1_000_000) }
    #expect(gathering.plan?.microseconds == Gathering.longest)
  }

  @Test func waitingInVainIsTriedLessAndLess() {
    var gathering = Gathering()
    var pauses: [Int] = []
    for _ in 0..<8 {
      var ticks = 0
      repeat {
        gathering.committed(answered: 64, microseconds: 400)
        ticks += 1
      } while gathering.plan == nil
      pauses.append(ticks)
      gathering.gathered(0, of: 48)
    }
    #expect(pauses == [1, 1, 2, 4, 8, 16, 32, 64])
    while gathering.plan == nil { gathering.committed(answered: 64, microseconds: 400) }
    // It pays again: so it is done again.
    gathering.gathered(24, of: 48)
    gathering.committed(answered: 64, microseconds: 400)
    #expect(gathering.plan != nil)
  }
}

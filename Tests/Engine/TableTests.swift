import Jobs
import Support
import Testing

@testable import Engine

/// The small structures that the roles stand on, against plain ones.
@Suite(.aside) struct TableTests {
  private func held(_ token: UInt64) -> HeldLease {
    HeldLease(
      token: token, jobID: "\(token)", seq: 0, attempt: 1, queue: 0, payloadSize: 0, startedAt: .distantPast)
  }

  @Test(arguments: [UInt64(1), 2, 3]) func theTableOfHeldLeasesFindsWhatIsInIt(_ seed: UInt64) {
    let random = Randomness(seed: seed)
    var table = HeldTable()
    var model: Set<UInt64> = []
    for step in 0..<20_000 {
      // Full and empty in waves; tokens in runs, as a store gives them, and wild ones.
      let grows = random.next() % 100 < (step / 2_000 % 2 == 0 ? 70 : 30)
      let token = random.next() % 4 == 0 ? random.next() : random.next() % 600
      if grows {
        if model.insert(token).inserted { table.insert(held(token)) }
      } else {
        let known = random.next() % 2 == 0 ? model.min() ?? token : token
        #expect((table.remove(known)?.token == known) == (model.remove(known) != nil), "seed \(seed), step \(step)")
      }
      #expect(table.count == model.count)
      let probe = random.next() % 600
      #expect(table.contains(probe) == model.contains(probe), "seed \(seed), step \(step)")
    }
    #expect(Set(table.leases.map(\.token)) == model)
  }

  @Test func theHeapGivesTheEarliestFirstAndAmongEqualsTheFirstAdded() {
    let random = Randomness(seed: 5)
    var heap = TimerHeap<Int>()
    for number in 0..<2_000 { heap.add(number, at: Instant(microseconds: Int64(random.next() % 100))) }
    heap.keep { $0 % 3 != 0 }
    var last: (Instant, Int)?
    var count = 0
    while let entry = heap.pop(until: .distantFuture) {
      if let last { #expect(last.0 < entry.at || (last.0 == entry.at && last.1 < entry.payload)) }
      last = (entry.at, entry.payload)
      count += 1
    }
    #expect(count == 1_333)
  }

  @Test func theRingKeepsTheNewestAndKnowsWhatItGaveUp() {
    var ring = EventRing(last: 10)
    #expect(ring.first == 11)
    var cursor: Int64 = 11
    for size in [1, 5, 2, 9, 4, 1, 1, 30, 2] {
      ring.add((0..<size).map { Event(cursor: cursor + Int64($0), kind: .enqueued, at: .distantPast) }, limit: 12)
      cursor += Int64(size)
      var found: [Event] = []
      let next = ring.gather(after: ring.first - 1, EventFilter(), limit: 1_000, into: &found)
      #expect(found.map(\.cursor) == Array(ring.first..<cursor))
      #expect(next == cursor - 1)
    }
    // Events that are another server's make a gap: only what comes after it is in memory.
    ring.add([Event(cursor: cursor + 7, kind: .enqueued, at: .distantPast)], limit: 12)
    #expect(ring.first == cursor + 7)
    #expect(ring.count == 1)
  }

  @Test func randomnessIsEvenAndRepeatable() {
    let (a, b) = (Randomness(seed: 9), Randomness(seed: 9))
    var sum = 0.0
    for _ in 0..<10_000 {
      let draw = a.draw()
      #expect(draw == b.draw() && draw >= 0 && draw < 1)
      sum += draw
    }
    #expect(abs(sum / 10_000 - 0.5) < 0.02)
  }
}

import Jobs
import Testing
import Unsteady

@testable import RedisStorage

/// What is known of a block's properties, against sets of numbers.
struct BlockIndexTests {
  @Test(arguments: [1, 5, 40]) func isAsIfEachPropertyWereASetOfNumbers(queues: Int) {
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = SeededGenerator(seed: seed)
    let index = BlockIndex(3)
    var jobs: [Int: (queue: String, state: JobState)] = [:]
    var stored: [IndexField: Set<Int>] = [:]
    func expected() -> [IndexField: Set<Int>] {
      var sets: [IndexField: Set<Int>] = [:]
      for (low, job) in jobs {
        for field in [.queue(job.queue), .name("n"), IndexField.state(job.state)] {
          sets[field, default: []].insert(low)
        }
      }
      return sets
    }
    for step in 0..<800 {
      for _ in 0..<random.next() % 20 {
        let low = Int(random.next() % 512)
        let state = JobState.allCases[Int(random.next() % 9)]
        if let job = jobs[low] {
          if random.chance(50) {
            index.clear(low, NewJob(queue: job.queue, name: "n"))
            jobs[low] = nil
          } else {
            index.put(low, state)
            jobs[low]?.state = state
          }
        } else {
          // Queues come and go.
          let queue = "queue-\(step)-\(random.next() % UInt64(queues))"
          index.put(low, NewJob(queue: queue, name: "n"))
          index.put(low, state)
          jobs[low] = (queue, state)
        }
      }
      if random.chance(1) {
        for low in jobs.keys { index.clear(low) }
        jobs = [:]
      }
      for change in index.takeChanges() {
        #expect(change.wasThere == (stored[change.field] != nil), "seed \(seed)")
        stored[change.field] = change.bits.isEmpty ? nil : Set(change.bits.lows)
      }
      #expect(stored == expected(), "seed \(seed)")
      #expect(index.isEmpty == jobs.isEmpty, "seed \(seed)")
    }
    #expect(index.size <= 2 * (512 + 11) + 16, "what no job has any more goes")
    var bits: [IndexField: BlockBits] = [:]
    for (field, lows) in stored { for low in lows { bits[field, default: BlockBits()][low] = true } }
    let again = BlockIndex(3, bits: bits)
    for low in jobs.keys { again.clear(low) }
    #expect(again.isEmpty)
    #expect(Set(again.takeChanges().map(\.field)) == Set(stored.keys), "seed \(seed)")
  }
}

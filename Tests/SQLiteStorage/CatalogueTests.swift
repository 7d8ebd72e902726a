import Jobs
import Support
import Testing

@testable import SQLiteStorage

@Suite struct CatalogueTests {
  private let now = Timestamp(seconds: 1_700_000_000)

  private struct Known {
    var queue: String
    var name: String
    var batch: String
    var state: JobState
  }

  private func keys(_ job: Known) -> JobKeys {
    JobKeys(
      createdAt: now, queue: JobKeys.hash(job.queue), name: JobKeys.hash(job.name), JobOptions(batchID: job.batch))
  }

  /// Jobs come in order, change, go, are replaced; whatever is asked for is what a plain dictionary holds.
  @Test(arguments: 1...6 as ClosedRange<UInt64>) func findsWhatADictionaryHolds(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    let catalogue = Catalogue()
    var known: [Int64: Known] = [:]
    var next: Int64 = 1
    let names = seed % 2 == 0 ? 2 : 700
    for round in 0..<20 {
      var changes: [Catalogue.Change] = []
      for _ in 0..<Int.random(in: 0..<700, using: &random) {
        let job = Known(
          queue: "q\(Int.random(in: 0..<3, using: &random))", name: "n\(Int.random(in: 0..<names, using: &random))",
          batch: random.chance(seed == 3 ? 100 : 5) ? "b\(next)" : "",
          state: JobState.allCases[Int.random(in: 0..<JobState.allCases.count, using: &random)])
        known[next] = job
        changes.append(
          Catalogue.Change(seq: next, keys: keys(job), flags: JobFlags(job.state, hasRow: true, hasCarried: false)))
        // Some numbers are never used.
        next += random.chance(3) ? Int64.random(in: 1...9_000, using: &random) : 1
      }
      for seq in known.keys.sorted() where random.chance(25) {
        if random.chance(70) {
          known[seq] = nil
          changes.append(Catalogue.Change(seq: seq, keys: nil, flags: nil))
        } else if let old = known[seq] {
          var job = old
          job.state = .dead
          if random.chance(10) { job.name = "replaced" }
          known[seq] = job
          changes.append(
            Catalogue.Change(
              seq: seq, keys: job.name == old.name ? nil : keys(job),
              flags: JobFlags(.dead, hasRow: true, hasCarried: true)))
        }
      }
      catalogue.apply(changes)
      #expect(catalogue.count == known.count)
      for _ in 0..<6 {
        var query = JobQuery()
        if random.chance(50) { query.queue = "q\(Int.random(in: 0..<4, using: &random))" }
        if random.chance(30) {
          query.name = random.chance(50) ? "replaced" : "n\(Int.random(in: 0..<names, using: &random))"
        }
        if random.chance(50) { query.states = [.dead, .ready] }
        if random.chance(10) { query.batchID = "b\(Int64.random(in: 1...next, using: &random))" }
        let before = random.chance(50) ? Int64.max : Int64.random(in: 1...next, using: &random)
        let expected = known.filter {
          $0.key < before && (query.queue.isEmpty || $0.value.queue == query.queue)
            && (query.name.isEmpty || $0.value.name == query.name)
            && (query.batchID.isEmpty || $0.value.batch == query.batchID)
            && (query.states.isEmpty || query.states.contains($0.value.state))
        }.keys.sorted(by: >)
        for limit in [1, 50, 100_000] {
          #expect(
            catalogue.find(query, before: before, limit: limit) == Array(expected.prefix(limit)), "round \(round)")
        }
      }
      for seq in known.keys.prefix(20) {
        #expect(catalogue.flags(seq)?.isFinal == known[seq]?.state.isFinal)
      }
    }
  }

  @Test func whatPassesThroughLeavesNothing() {
    let catalogue = Catalogue()
    let flags = JobFlags(.ready, hasRow: false, hasCarried: false)
    let keys = keys(Known(queue: "q", name: "n", batch: "", state: .ready))
    for seq in 1...60_000 as ClosedRange<Int64> {
      var changes = [Catalogue.Change(seq: seq, keys: keys, flags: flags)]
      if seq > 200 { changes.append(Catalogue.Change(seq: seq - 200, keys: nil, flags: nil)) }
      catalogue.apply(changes)
    }
    #expect(catalogue.count == 200)
    #expect(catalogue.chunkCount <= 2)
  }
}

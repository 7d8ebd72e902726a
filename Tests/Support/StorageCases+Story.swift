import Jobs
import Testing

extension StorageConformance {
  /// Random lives of random jobs against a plain dictionary of what is to be there.
  static let storyCases: [StorageCase] = [
    StorageCase("whatever is written in whatever order is what is there") { harness in
      let scene = try StorageScene(harness)
      var random = SeededGenerator(seed: 42)
      for round in 0..<120 {
        var changes: [ChangeSet] = []
        for _ in 0...Int.random(in: 0..<3, using: &random) {
          var change = scene.change(random.chance(30) ? .relaxed : .synced)
          step(scene, &change, changes, &random)
          changes.append(change)
        }
        try scene.write(changes)
        if round % 20 == 19 {
          try scene.check()
          #expect(try scene.events(after: 0, limit: .max) == scene.events)
          for state in JobState.allCases {
            var query = JobQuery()
            query.states = [state]
            query.queue = "q1"
            let expected = scene.jobs.values.filter { $0.standing.state == state && $0.head.job.queue == "q1" }
            #expect(try scene.list(query).map(\.seq) == expected.map(\.seq).sorted(by: >))
          }
        }
        if round % 37 == 36 { _ = try scene.reopen(crash: round % 2 == 0) }
        _ = try scene.storage.tidy(now: scene.now)
        scene.now = scene.now + .milliseconds(10)
      }
      try scene.check()
    }
  ]

  private static func step(
    _ scene: StorageScene, _ change: inout ChangeSet, _ pending: [ChangeSet], _ random: inout SeededGenerator
  ) {
    for _ in 0..<Int.random(in: 0..<12, using: &random) {
      var job = NewJob(
        queue: "q\(Int.random(in: 0..<3, using: &random))", name: "n\(Int.random(in: 0..<3, using: &random))",
        body: Array(
          repeating: UInt8.random(in: 0...255, using: &random), count: Int.random(in: 0..<200, using: &random)))
      if random.chance(20) { job.id = "chosen-\(scene.nextSeq)" }
      if random.chance(30) { job = full(id: "full-\(scene.nextSeq)", at: scene.now) }
      let head = scene.add(job, to: &change)
      scene.tell(.enqueued, head, in: &change)
    }
    // Those of this write are not known to the scene yet.
    let touched = Set(pending.flatMap { $0.jobs.map(\.head.seq) + $0.forgotten.map(\.head.seq) })
    for seq in scene.jobs.keys.sorted() where !touched.contains(seq) {
      guard let job = scene.jobs[seq] else { continue }
      switch Int.random(in: 0..<20, using: &random) {
      case 0..<8:
        let state = JobState.allCases[Int.random(in: 0..<JobState.allCases.count, using: &random)]
        let standing = random.chance(20) ? job.head.untouched : fullStanding(state, at: scene.now)
        scene.move(
          job.head, to: standing, carried: random.chance(50) ? fullCarried(at: scene.now) : nil, in: &change)
        scene.tell(.started, job.head, in: &change)
      case 8: change.forgotten.append(ForgottenJob(head: job.head, state: job.standing.state))
      default: break
      }
    }
    if random.chance(30) {
      var queue = StoredQueue(name: "q1")
      queue.succeeded = UInt64.random(in: 0...99, using: &random)
      change.queues = [queue]
    }
  }
}

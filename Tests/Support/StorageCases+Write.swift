import Jobs
import Testing

extension StorageConformance {
  /// A job that sets everything, each to a value of its own.
  static func full(id: String, at now: Timestamp, body: [UInt8] = [0, 1, 2, 0xFF]) -> NewJob {
    NewJob(
      id: id, queue: "q.\(id)", name: "näme \u{1F600}", priority: -100, runAt: now + .microseconds(123_456_789),
      options: JobOptions(
        retry: RetryPolicy(
          maxAttempts: 7, initialBackoff: .microseconds(1), maxBackoff: .days(3), multiplier: 1.25, jitter: 0.75,
          maxLost: 9),
        timeout: .microseconds(5_000_001), startBefore: now + .days(30_000), retention: .days(36_500),
        unique: Uniqueness(key: "k\u{0}ey", holdFor: .hours(7), onConflict: .replace), concurrencyKey: "concurrency",
        fairnessKey: "fairness", batchID: "batch", dependsOn: ["a", "b.c:d-e", JobID.make(seq: 9, at: now, salt: 3)],
        onDependencyFailure: .run, recurringJobID: "recurring"),
      payloadSize: 3, body: body)
  }

  static func failure(_ number: Int, at: Timestamp) -> Failure {
    Failure(
      type: "Type\(number)", message: "wörds \(number)", backtrace: "a\nb", retryable: number % 2 == 0, at: at,
      attempt: UInt32(number), workerID: "w\(number)")
  }

  static func fullCarried(at now: Timestamp) -> JobCarried {
    JobCarried(
      result: [9, 8, 0, 7], failures: (1...10).map { failure($0, at: now) },
      progress: Progress(percent: 63, message: "hälf", at: now), cancelReason: "reason")
  }

  static func fullStanding(_ state: JobState, at now: Timestamp) -> JobStanding {
    var standing = JobStanding(state: state, runAt: now + .microseconds(17))
    standing.attempt = 70_000
    standing.lost = 3
    standing.wasStarted = true
    standing.startedAt = now - .seconds(1)
    standing.workerID = "worker-1"
    if state == .running {
      standing.cancelRequested = true
      standing.token = 0xFFFF_FFFF_0000_0001
      standing.deadline = now + .seconds(40)
      standing.resumeWindow = .seconds(77)
    }
    if state == .blocked || state == .ready { standing.isUnbound = true }
    if state.isFinal {
      standing.finishedAt = now - .microseconds(3)
      standing.expires = now + .days(4)
    }
    return standing
  }

  static let writeCases: [StorageCase] = [
    StorageCase("every field of every job in every state is given back") { harness in
      let scene = try StorageScene(harness)
      try scene.put(NewJob(name: "a"))
      try scene.put(NewJob(name: "a", runAt: scene.now + .hours(1), body: [1]))
      for state in JobState.allCases {
        try scene.put(
          full(id: "full-\(state.rawValue)", at: scene.now), standing: fullStanding(state, at: scene.now),
          carried: fullCarried(at: scene.now))
        try scene.put(NewJob(name: "bare \(state)"), standing: fullStanding(state, at: scene.now))
      }
      try scene.check()
      if try scene.reopen(crash: false) { try scene.check() }
      if try scene.reopen(crash: true) { try scene.check() }
    },
    StorageCase("each option on its own is given back") { harness in
      let scene = try StorageScene(harness)
      let now = scene.now
      for options in [
        JobOptions(retry: RetryPolicy(maxAttempts: 1)), JobOptions(timeout: .seconds(3)),
        JobOptions(startBefore: now + .hours(2)), JobOptions(retention: .zero),
        JobOptions(unique: Uniqueness(key: "k")), JobOptions(unique: Uniqueness(key: "l", onConflict: .reject)),
        JobOptions(concurrencyKey: "c"), JobOptions(fairnessKey: "f"), JobOptions(batchID: "b"),
        JobOptions(dependsOn: ["x"]), JobOptions(dependsOn: ["x"], onDependencyFailure: .run),
        JobOptions(recurringJobID: "r"),
      ] {
        try scene.put(NewJob(name: "a", priority: 100, options: options, body: [7]))
      }
      try scene.check()
      if try scene.reopen(crash: false) { try scene.check() }
    },
    StorageCase("a job may go from any standing to any other") { harness in
      let scene = try StorageScene(harness)
      let head = try scene.put(NewJob(queue: "q", name: "a", body: [1, 2, 3]))
      for from in JobState.allCases {
        for to in JobState.allCases {
          for state in [from, to] {
            var change = scene.change()
            scene.move(head, to: fullStanding(state, at: scene.now), in: &change)
            try scene.write(change)
            var query = JobQuery()
            query.states = [state]
            #expect(try scene.list(query).count == 1)
            query.states = [state == .ready ? .dead : .ready]
            #expect(try scene.list(query).isEmpty)
          }
        }
      }
      var change = scene.change()
      scene.move(head, to: head.untouched, in: &change)
      try scene.write(change)
      try scene.check()
    },
    StorageCase("what is carried stays until it is changed, and is changed as a whole") { harness in
      let scene = try StorageScene(harness)
      let head = try scene.put(NewJob(name: "a"), carried: fullCarried(at: scene.now))
      var change = scene.change()
      scene.move(head, to: fullStanding(.running, at: scene.now), in: &change)
      try scene.write(change)
      try scene.check()
      change = scene.change()
      scene.move(head, to: scene.final(), carried: JobCarried(result: [5]), in: &change)
      try scene.write(change)
      try scene.check()
      change = scene.change()
      scene.move(head, to: head.untouched, carried: .nothing, in: &change)
      try scene.write(change)
      try scene.check()
      if try scene.reopen(crash: false) { try scene.check() }
    },
    StorageCase("a replaced job has its new head and body, and is found by what it is now") { harness in
      let scene = try StorageScene(harness)
      let old = try scene.put(
        NewJob(queue: "q", name: "old", options: JobOptions(batchID: "x"), body: [1]),
        carried: fullCarried(at: scene.now))
      let replacement = NewJob(
        id: old.job.id, queue: "q", name: "new", priority: 9, runAt: scene.now + .hours(3),
        options: JobOptions(unique: Uniqueness(key: "k"), batchID: "y"), payloadSize: 9)
      let head = JobHead(seq: old.seq, job: replacement, isChosen: false, createdAt: old.createdAt)
      var change = scene.change()
      change.jobs.append(JobChange(head: head, standing: head.untouched, isNew: false, body: [2, 2]))
      try scene.write(change)
      try scene.check()
      var query = JobQuery()
      query.name = "old"
      #expect(try scene.list(query).isEmpty)
      query.name = "new"
      #expect(try scene.list(query).count == 1)
      query = JobQuery()
      query.batchID = "x"
      #expect(try scene.list(query).isEmpty)
      query.batchID = "y"
      #expect(try scene.list(query).count == 1)
      if try scene.reopen(crash: false) { try scene.check() }
    },
    StorageCase("a forgotten job leaves nothing behind") { harness in
      let scene = try StorageScene(harness)
      let options = JobOptions(unique: Uniqueness(key: "k", holdFor: .days(1)), batchID: "b")
      let head = try scene.put(
        NewJob(id: "x", name: "a", options: options, body: [1]), standing: scene.final(),
        carried: fullCarried(at: scene.now))
      #expect(try scene.load().holds.count == 1)
      var change = scene.change()
      change.forgotten.append(ForgottenJob(head: head, state: .succeeded))
      try scene.write(change)
      try scene.check()
      let state = try scene.load()
      #expect(state.holds.isEmpty && state.chosen.isEmpty && state.nextSeq == 2)
      #expect(try scene.storage.reader.job(id: "x") == nil)
      #expect(try scene.storage.rows.jobs(ids: ["x"])[0] == nil)
      #expect(try scene.storage.rows.jobs([head.seq], bodies: true)[0] == nil)
      #expect(try scene.storage.rows.expired(by: .distantFuture, limit: 9).jobs.isEmpty)
      if try scene.reopen(crash: false) { try scene.check() }
      // The id may be chosen again.
      try scene.put(NewJob(id: "x", name: "other"))
      try scene.check()
    },
    StorageCase("a change set that another epoch, or another number, has overtaken writes nothing") { harness in
      let scene = try StorageScene(harness)
      try scene.put(NewJob(id: "kept", name: "a"))
      func refused(_ change: ChangeSet, epoch: Epoch) throws {
        #expect(scene.kind { try scene.storage.write([change], epoch: epoch) } == .deposed)
        #expect(try scene.storage.reader.job(id: "refused") == nil)
        #expect(try scene.load().queues.isEmpty)
      }
      func bad(_ number: UInt64) -> ChangeSet {
        var change = ChangeSet(number: number, now: scene.now, durability: .synced)
        let head = JobHead(seq: 99, job: NewJob(id: "refused", name: "a"), isChosen: true, createdAt: scene.now)
        change.jobs.append(JobChange(head: head, standing: head.untouched, isNew: true, body: []))
        change.queues.append(StoredQueue(name: "refused"))
        change.nextSeq = 100
        return change
      }
      try refused(bad(1), epoch: scene.epoch)
      try refused(bad(3), epoch: scene.epoch)
      try refused(bad(2), epoch: Epoch(scene.epoch.number + 1))
      try refused(bad(2), epoch: Epoch(scene.epoch.number - 1))
      try scene.check()
      if try scene.reopen(crash: false) {
        // A new epoch counts from one.
        try scene.put(NewJob(name: "a"))
        try scene.check()
      }
    },
    StorageCase("several change sets at once are written like one after the other") { harness in
      let scene = try StorageScene(harness)
      var changes: [ChangeSet] = []
      var first = scene.change(.relaxed)
      let head = scene.add(NewJob(id: "x", queue: "q", name: "a", body: [1]), to: &first)
      let brief = scene.add(NewJob(id: "brief", queue: "q", name: "a", body: [2]), to: &first)
      scene.tell(.enqueued, head, in: &first)
      changes.append(first)
      var second = scene.change(.synced)
      scene.move(head, to: fullStanding(.running, at: scene.now), in: &second)
      scene.move(brief, to: scene.final(), in: &second)
      scene.tell(.started, head, in: &second)
      changes.append(second)
      var third = scene.change(.relaxed)
      scene.move(head, to: scene.final(), carried: JobCarried(result: [3]), in: &third)
      third.forgotten.append(ForgottenJob(head: brief, state: .succeeded))
      var queue = StoredQueue(name: "q")
      queue.succeeded = 1
      third.queues.append(queue)
      scene.tell(.succeeded, head, in: &third)
      scene.add(NewJob(id: "brief", name: "b", body: [4]), to: &third)
      changes.append(third)
      try scene.write(changes)
      try scene.check()
      #expect(try scene.events(after: 0).map(\.kind) == [.enqueued, .started, .succeeded])
      #expect(try scene.load().queues["q"]?.succeeded == 1)
      if try scene.reopen(crash: true) { try scene.check() }
    },
    StorageCase("a gap between change sets that come together is refused whole") { harness in
      let scene = try StorageScene(harness)
      var first = scene.change()
      scene.add(NewJob(id: "x", name: "a"), to: &first)
      _ = scene.change()
      let third = scene.change()
      #expect(scene.kind { try scene.storage.write([first, third], epoch: scene.epoch) } == .deposed)
      #expect(try scene.storage.reader.job(id: "x") == nil)
    },
    StorageCase("large bodies, results and batches are given back") { harness in
      let scene = try StorageScene(harness)
      let body = (0..<1_048_576).map { UInt8(truncatingIfNeeded: $0 * 7) }
      let result = (0..<4_194_304).map { UInt8(truncatingIfNeeded: $0 * 5) }
      try scene.put(NewJob(name: "a", payloadSize: body.count, body: body), carried: JobCarried(result: result))
      var change = scene.change()
      for index in 0..<1_500 {
        scene.add(NewJob(name: "many", body: Array(repeating: UInt8(index % 251), count: index % 90)), to: &change)
      }
      try scene.write(change)
      try scene.check()
    },
  ]
}

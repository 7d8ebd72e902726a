import Jobs
import Support
import Testing

extension VerbSuite {
  static let tickCases: [VerbCase] = [
    VerbCase("a tick that changed nothing has no events") {
      let scene = try VerbScene()
      #expect(try scene.commit().isEmpty)
      #expect(try scene.commit(.relaxed).isEmpty)
      try scene.store.sync()
      #expect(scene.store.nextDue == nil && scene.store.lastEventCursor == 0)
    },
    VerbCase("a job enqueued and claimed and settled in one tick") {
      let scene = try VerbScene()
      let id = try scene.add(NewJob(name: "a", payloadSize: 1, body: [7]))
      let claimed = try scene.take()
      #expect(claimed.job.id == id && claimed.job.body == [7])
      try scene.settle(claimed.lease, .succeeded(result: [1]))
      #expect(try scene.commit(.relaxed).map(\.kind) == [.enqueued, .started, .succeeded])
      #expect(try scene.record(id)?.result == [1])
    },
    VerbCase("rollback undoes every verb of the tick") {
      let scene = try VerbScene()
      let policy = JobOptions(unique: Uniqueness(key: "k", onConflict: .replace))
      let replaced = try scene.add(NewJob(id: "r", name: "a", runAt: scene.now + .hours(1), options: policy))
      let due = try scene.add(NewJob(id: "d", name: "a", runAt: scene.now + .seconds(1)))
      var ids = [replaced, due]
      for index in 0..<6 { ids.append(try scene.add(NewJob(id: "j\(index)", queue: "q", name: "a"))) }
      let running = try scene.claim(2, from: ["q"])
      _ = try scene.add(NewJob(id: "dead", queue: "z", name: "a"))
      ids.append("dead")
      _ = try scene.fail(scene.claim(1, from: ["z"])[0].lease, retryable: false)
      try scene.commit()
      let before = try ids.map { try describe(scene.known($0)) }
      let queues = scene.store.queues(now: scene.now)
      let nextDue = scene.store.nextDue

      scene.pass(.seconds(2))
      _ = try scene.enqueue(NewJob(id: "r2", name: "b", options: policy), NewJob(id: "new", name: "a"))
      try scene.promote()
      try scene.settle(running[0].lease, .succeeded(result: [1]))
      _ = try scene.fail(running[1].lease)
      _ = try scene.claim(2, from: ["q"])
      _ = try scene.control(.cancel(jobID: "j4", reason: "x"))
      _ = try scene.control(.delete(jobID: "j5"))
      _ = try scene.control(.retry(jobID: "dead", resetAttempts: true))
      scene.store.setPaused(true, queue: "q", now: scene.now)
      scene.store.record([Event(kind: .workerConnected, at: scene.now, workerID: "w")])
      scene.store.rollback()

      #expect(try scene.commit().isEmpty)
      #expect(try ids.map { try describe(scene.known($0)) } == before)
      #expect(scene.store.queues(now: scene.now) == queues)
      #expect(scene.store.nextDue == nextDue)
      #expect(!scene.store.isPaused("q"))
      #expect(try scene.record("new") == nil)
      #expect(try scene.settle(running[0].lease, .succeeded(result: [])) == .settled(.succeeded))
      #expect(try scene.claim(9, from: ["q"]).map(\.job.id) == ["j2", "j3", "j4", "j5"])
      #expect(try scene.promote() == 1)
      try scene.commit()
      #expect(scene.events.map(\.cursor) == Array(1...Int64(scene.events.count)))
    },
    VerbCase("everything committed is there after a clean end and after a crash") {
      let scene = try VerbScene()
      let unique = JobOptions(
        startBefore: scene.now + .hours(2), unique: Uniqueness(key: "k", holdFor: .hours(3), onConflict: .reject))
      let held = try scene.add(NewJob(id: "mine", queue: "held", name: "a", options: unique))
      let scheduled = try scene.add(NewJob(queue: "later", name: "a", runAt: scene.now + .hours(1)))
      let ready = try scene.add(NewJob(queue: "now", name: "a", priority: 5, payloadSize: 2, body: [1, 2]))
      let retrying = try scene.add(NewJob(queue: "retry", name: "a"))
      _ = try scene.fail(scene.claim(1, from: ["retry"])[0].lease)
      let done = try scene.add(NewJob(queue: "done", name: "a"))
      try scene.settle(scene.claim(1, from: ["done"])[0].lease, .succeeded(result: [3]))
      let running = try scene.add(NewJob(queue: "run", name: "a"))
      var lease = try scene.claim(1, from: ["run"])[0].lease
      scene.store.setPaused(true, queue: "paused", now: scene.now)
      _ = try scene.control(.cancel(jobID: running, reason: "why"))
      let ids = [held, scheduled, ready, retrying, done, running]
      try scene.commit()
      var tokens: Set<UInt64> = [lease.token]
      for crash in [false, true, true] {
        let before = try ids.map { try describe(scene.known($0)) }
        let queues = scene.store.queues(now: scene.now)
        let due = scene.store.nextDue
        _ = try scene.add(NewJob(id: "uncommitted", queue: "now", name: "a", priority: 100))
        if !crash { scene.store.rollback() }
        try scene.reopen()
        #expect(try ids.map { try describe(scene.known($0)) } == before)
        #expect(scene.store.queues(now: scene.now) == queues)
        #expect(scene.store.isPaused("paused"))
        #expect(scene.store.nextDue == due)
        #expect(scene.store.lastEventCursor == Int64(scene.events.count))
        #expect(
          try scene.enqueue(NewJob(queue: "held", name: "a", options: unique)) == [.conflict(existing: held)])
        guard
          case .extended(let job) = try scene.store.extend(
            [Extension(lease: lease, until: scene.now + .seconds(30))], now: scene.now)[0]
        else {
          Issue.record("the lease is gone")
          return
        }
        #expect(job.cancelRequested && job.workerID == "w")
        let claimed = try scene.claim(9, from: ["now"])
        #expect(claimed.map(\.job.id) == [ready] && claimed.map(\.job.body) == [[1, 2]])
        #expect(tokens.insert(claimed[0].lease.token).inserted, "a token was given twice")
        try scene.settle(claimed[0].lease, .released(delay: nil))
        try scene.commit()
        lease = job.lease
      }
      #expect(try scene.settle(lease, .canceled(draw: 0)) == .settled(.canceled))
      #expect(try scene.record(running)?.failures.last?.message == "why")
      let newest = try scene.add()
      #expect(try scene.known(newest).seq > #require(try scene.record(running)?.seq))
    },
  ]
}

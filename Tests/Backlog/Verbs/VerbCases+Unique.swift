import Jobs
import Testing

extension VerbSuite {
  private static func job(
    _ key: String = "k", _ onConflict: Uniqueness.OnConflict = .keep, holdFor: Interval? = nil, name: String = "a",
    runAt: Timestamp? = nil, body: [UInt8] = [], retention: Interval? = nil
  ) -> NewJob {
    NewJob(
      name: name, runAt: runAt,
      options: JobOptions(
        retention: retention, unique: Uniqueness(key: key, holdFor: holdFor, onConflict: onConflict)), body: body)
  }

  static let uniqueCases: [VerbCase] = [
    VerbCase("a held key keeps or rejects, per queue") {
      let scene = try VerbScene()
      let first = try scene.add(job())
      #expect(try scene.enqueue(job()) == [.duplicate(id: first, state: .ready, runAt: scene.now)])
      #expect(try scene.enqueue(job("k", .reject)) == [.conflict(existing: first)])
      _ = try scene.add(job("other"))
      var elsewhere = job()
      elsewhere.queue = "elsewhere"
      _ = try scene.add(elsewhere)
    },
    VerbCase("replace gives a waiting job a new body and time, and leaves a running one") {
      let scene = try VerbScene()
      let id = try scene.add(job(runAt: scene.now + .seconds(5), body: [1]))
      try scene.commit()
      scene.pass(.seconds(1))
      let later = scene.now + .seconds(9)
      #expect(
        try scene.enqueue(job("k", .replace, name: "b", runAt: later, body: [2, 3]))
          == [.duplicate(id: id, state: .scheduled, runAt: later)])
      var record = try scene.known(id)
      #expect(record.job.body == [2, 3] && record.job.name == "b" && record.runAt == later)
      #expect(record.createdAt == scene.now - .seconds(1))
      #expect(
        try scene.enqueue(job("k", .replace, body: [4])) == [.duplicate(id: id, state: .ready, runAt: scene.now)])
      let claimed = try scene.take()
      #expect(claimed.job.id == id && claimed.job.body == [4] && claimed.readyAt == scene.now)
      #expect(
        try scene.enqueue(job("k", .replace, body: [5])) == [.duplicate(id: id, state: .running, runAt: scene.now)])
      record = try scene.known(id)
      #expect(record.job.body == [4] && record.state == .running)
      #expect(scene.events.map(\.kind) == [.scheduled, .scheduled, .enqueued, .started])
      #expect(try scene.list().count == 1)
    },
    VerbCase("a replaced job's old place, time and expiry are gone") {
      let scene = try VerbScene()
      let old = NewJob(
        name: "a", priority: 50,
        options: JobOptions(startBefore: scene.now + .seconds(2), unique: Uniqueness(key: "k", onConflict: .replace)))
      let id = try scene.add(old)
      let plain = try scene.add(NewJob(name: "plain"))
      try scene.commit()
      scene.pass(.seconds(1))
      _ = try scene.enqueue(job("k", .replace))
      scene.pass(.seconds(5))
      #expect(try scene.promote() == 0)
      #expect(try scene.claim(3).map(\.job.id) == [plain, id])
      #expect(try scene.commit().map(\.kind) == [.enqueued, .started, .started])
    },
    VerbCase("the key is free when the job is final") {
      let scene = try VerbScene()
      for outcome in 0..<4 {
        let id = try scene.add(job())
        switch outcome {
        case 0: try scene.settle(scene.take().lease, .succeeded(result: []))
        case 1: _ = try scene.fail(scene.take().lease, retryable: false)
        case 2: _ = try scene.control(.cancel(jobID: id, reason: ""))
        default: _ = try scene.control(.delete(jobID: id))
        }
        try scene.commit()
      }
      _ = try scene.add(job())
    },
    VerbCase("a retrying job holds its key") {
      let scene = try VerbScene()
      let id = try scene.add(job())
      #expect(try scene.fail(scene.take().lease) == .settled(.retrying))
      #expect(try scene.enqueue(job("k", .reject)) == [.conflict(existing: id)])
    },
    VerbCase("holdFor keeps the key past the job's end, and the job with it") {
      let scene = try VerbScene()
      let id = try scene.add(job(holdFor: .seconds(10), retention: .zero))
      let runAt = scene.now
      try scene.settle(scene.take().lease, .succeeded(result: []))
      scene.pass(.seconds(9))
      _ = try scene.store.prune(now: scene.now, limit: 100)
      #expect(try scene.enqueue(job("k", .replace)) == [.duplicate(id: id, state: .succeeded, runAt: runAt)])
      scene.pass(.seconds(1))
      let second = try scene.add(job())
      #expect(try scene.enqueue(job("k", .reject)) == [.conflict(existing: second)])
      _ = try scene.store.prune(now: scene.now, limit: 100)
      #expect(try scene.record(id) == nil)
      #expect(try scene.enqueue(job("k", .reject)) == [.conflict(existing: second)])
    },
    VerbCase("a deleted job frees its key even while it is held past the end") {
      let scene = try VerbScene()
      let id = try scene.add(job(holdFor: .hours(1)))
      try scene.settle(scene.take().lease, .succeeded(result: []))
      #expect(try scene.control(.delete(jobID: id)) == .done(.succeeded))
      _ = try scene.add(job())
    },
    VerbCase("a final job is not retried while another holds its key") {
      let scene = try VerbScene()
      let first = try scene.add(job())
      _ = try scene.fail(scene.take().lease, retryable: false)
      let second = try scene.add(job())
      #expect(try scene.control(.retry(jobID: first, resetAttempts: true)) == .refused(.dead))
      try scene.settle(scene.take().lease, .succeeded(result: []))
      #expect(try scene.control(.retry(jobID: first, resetAttempts: true)) == .done(.ready))
      #expect(try scene.enqueue(job("k", .reject)) == [.conflict(existing: first)])
      #expect(try scene.control(.retry(jobID: second, resetAttempts: true)) == .refused(.succeeded))
    },
  ]
}

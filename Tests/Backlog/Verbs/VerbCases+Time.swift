import Jobs
import Testing

extension VerbSuite {
  static let timeCases: [VerbCase] = [
    VerbCase("due jobs become ready in the order of their time, a slice at a time") {
      let scene = try VerbScene()
      let third = try scene.add(NewJob(name: "a", runAt: scene.now + .seconds(3)))
      let first = try scene.add(NewJob(name: "a", runAt: scene.now + .seconds(1)))
      let second = try scene.add(NewJob(name: "a", runAt: scene.now + .seconds(2)))
      try scene.commit()
      #expect(scene.store.nextDue == scene.now + .seconds(1))
      #expect(!scene.store.mayHaveReady(ClaimFilter(queues: [QueuePattern("other")])))
      scene.pass(.seconds(5))
      #expect(try scene.promote(limit: 2) == 2)
      #expect(try scene.promote(limit: 2) == 1)
      #expect(try scene.promote(limit: 2) == 0)
      #expect(scene.store.nextDue == nil)
      try scene.commit()
      #expect(scene.events.suffix(3).map(\.jobID) == [first, second, third])
      #expect(try scene.claim(3).map(\.job.id) == [first, second, third])
    },
    VerbCase("silent workers' jobs go to others") {
      let scene = try VerbScene()
      let id = try scene.add()
      let claimed = try scene.take(lease: .seconds(10))
      try scene.commit()
      scene.pass(.milliseconds(9_999))
      #expect(try scene.store.reclaim(now: scene.now, limit: 9).isEmpty)
      scene.pass(.milliseconds(1))
      let lapsed = try scene.store.reclaim(now: scene.now, limit: 9)
      #expect(lapsed == [LapsedLease(lease: claimed.lease, workerID: "w", state: .ready)])
      #expect(try scene.settle(claimed.lease, .succeeded(result: [])) == .notHeld)
      #expect(try scene.record(id)?.lost == 1)
      #expect(scene.events.suffix(2).map(\.kind) == [.leaseLost, .enqueued])
      #expect(try scene.take().attempt == 2)
    },
    VerbCase("leases lapse in the order of their ends, a slice at a time") {
      let scene = try VerbScene()
      for _ in 0..<3 { _ = try scene.add() }
      let claimed = try scene.claim(1, lease: .seconds(3)) + scene.claim(1, lease: .seconds(1))
      let late = try scene.claim(1, lease: .seconds(2))
      scene.pass(.seconds(3))
      let first = try scene.store.reclaim(now: scene.now, limit: 2)
      let second = try scene.store.reclaim(now: scene.now, limit: 2)
      #expect((first + second).map(\.lease) == [claimed[1], late[0], claimed[0]].map(\.lease))
      #expect(second.count == 1)
    },
    VerbCase("an attempt past its deadline fails as a timeout") {
      let scene = try VerbScene()
      let policy = RetryPolicy(maxAttempts: 2, initialBackoff: .seconds(4), jitter: 1)
      let id = try scene.add(NewJob(name: "a", options: JobOptions(retry: policy, timeout: .seconds(5))))
      _ = try scene.take(lease: .hours(1))
      try scene.commit()
      let deadline = scene.now + .seconds(5)
      #expect(scene.store.nextDue == deadline + scene.configuration.timeoutGrace)
      scene.pass(.seconds(15))
      #expect(try scene.store.reclaim(now: scene.now, limit: 9).map(\.state) == [.retrying])
      let record = try scene.known(id)
      #expect(record.failures.map(\.type) == ["timeout"] && record.lost == 0 && record.attempt == 1)
      #expect(record.runAt == scene.now + .seconds(4), "nobody draws: the middle of the spread")
      #expect(scene.events.last?.kind == .failed)
    },
    VerbCase("finished jobs are forgotten when their retention is over") {
      var configuration = StoreConfiguration()
      configuration.retention = .seconds(10)
      configuration.deadRetention = .seconds(20)
      let scene = try VerbScene(configuration)
      let done = try scene.add()
      try scene.settle(scene.take().lease, .succeeded(result: []))
      let dead = try scene.add()
      _ = try scene.fail(scene.take().lease, retryable: false)
      let short = try scene.add(NewJob(id: "short", name: "a", options: JobOptions(retention: .zero)))
      try scene.settle(scene.take().lease, .succeeded(result: []))
      let waiting = try scene.add()
      try scene.commit()
      scene.pass(.milliseconds(999))
      let soon = try scene.store.prune(now: scene.now, limit: 100)
      #expect(soon == scene.now + .milliseconds(1))
      #expect(try scene.record(short) != nil, "whoever waits for its end is yet to read it")
      scene.pass(.milliseconds(1))
      let next = try scene.store.prune(now: scene.now, limit: 100)
      #expect(next > scene.now)
      #expect(try scene.record(short) == nil)
      #expect(try scene.record(done) != nil)
      scene.pass(.seconds(10))
      #expect(next <= scene.now)
      _ = try scene.store.prune(now: scene.now, limit: 100)
      #expect(try scene.record(done) == nil)
      #expect(try scene.record(dead) != nil)
      scene.pass(.seconds(10))
      _ = try scene.store.prune(now: scene.now, limit: 100)
      #expect(try scene.list().map(\.job.id) == [waiting])
      #expect(scene.store.queues(now: scene.now)[0].dead == 0)
      _ = try scene.add(NewJob(id: "short", name: "a"))
    },
    VerbCase("pruning goes a slice at a time and says when it wants more") {
      let scene = try VerbScene()
      for _ in 0..<5 { _ = try scene.add(NewJob(name: "a", options: JobOptions(retention: .zero))) }
      for job in try scene.claim(5) { try scene.settle(job.lease, .succeeded(result: [])) }
      try scene.commit()
      scene.pass(.seconds(1))
      #expect(try scene.store.prune(now: scene.now, limit: 2) == scene.now)
      #expect(try scene.list().count == 3)
      #expect(try scene.store.prune(now: scene.now, limit: 2) == scene.now)
      _ = try scene.store.prune(now: scene.now, limit: 2)
      #expect(try scene.list().isEmpty)
    },
  ]
}

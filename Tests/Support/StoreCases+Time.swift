import Jobs
import Testing

extension StoreConformance {
  static let timeCases: [StoreCase] = [
    StoreCase("due jobs become ready in the order of their time, a slice at a time") { harness in
      let scene = try StoreScene(harness)
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
    StoreCase("silent workers' jobs go to others") { harness in
      let scene = try StoreScene(harness)
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
    StoreCase("leases lapse in the order of their ends, a slice at a time") { harness in
      let scene = try StoreScene(harness)
      for _ in 0..<3 { _ = try scene.add() }
      let claimed = try scene.claim(1, lease: .seconds(3)) + scene.claim(1, lease: .seconds(1))
      let late = try scene.claim(1, lease: .seconds(2))
      scene.pass(.seconds(3))
      let first = try scene.store.reclaim(now: scene.now, limit: 2)
      let second = try scene.store.reclaim(now: scene.now, limit: 2)
      #expect((first + second).map(\.lease) == [claimed[1], late[0], claimed[0]].map(\.lease))
      #expect(second.count == 1)
    },
    StoreCase("an attempt past its deadline fails as a timeout") { harness in
      let scene = try StoreScene(harness)
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
    StoreCase("finished jobs are forgotten when their retention is over") { harness in
      var configuration = StoreConfiguration()
      configuration.retention = .seconds(10)
      configuration.deadRetention = .seconds(20)
      let scene = try StoreScene(harness, configuration)
      let done = try scene.add()
      try scene.settle(scene.take().lease, .succeeded(result: []))
      let dead = try scene.add()
      _ = try scene.fail(scene.take().lease, retryable: false)
      let short = try scene.add(NewJob(id: "short", name: "a", options: JobOptions(retention: .zero)))
      try scene.settle(scene.take().lease, .succeeded(result: []))
      let waiting = try scene.add()
      try scene.commit()
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
      #expect(try scene.store.queues(now: scene.now)[0].dead == 0)
      _ = try scene.add(NewJob(id: "short", name: "a"))
    },
    StoreCase("pruning goes a slice at a time and says when it wants more") { harness in
      let scene = try StoreScene(harness)
      for _ in 0..<5 { _ = try scene.add(NewJob(name: "a", options: JobOptions(retention: .zero))) }
      for job in try scene.claim(5) { try scene.settle(job.lease, .succeeded(result: [])) }
      try scene.commit()
      #expect(try scene.store.prune(now: scene.now, limit: 2) == scene.now)
      #expect(try scene.list().count == 3)
      #expect(try scene.store.prune(now: scene.now, limit: 2) == scene.now)
      _ = try scene.store.prune(now: scene.now, limit: 2)
      #expect(try scene.list().isEmpty)
    },
    StoreCase("events are trimmed by age, and a reader behind is told") { harness in
      var configuration = StoreConfiguration()
      configuration.eventRetention = .seconds(10)
      let scene = try StoreScene(harness, configuration)
      for _ in 0..<3 {
        _ = try scene.add()
        try scene.commit()
        scene.pass(.seconds(6))
      }
      scene.pass(.seconds(4) + .milliseconds(-1))
      _ = try scene.store.prune(now: scene.now, limit: 100)
      try scene.commit()
      guard case .trimmed(let oldest) = try scene.store.reader.events(after: 1, limit: 10) else {
        Issue.record("not trimmed")
        return
      }
      #expect(oldest == 2)
      guard case .events(let events, let next) = try scene.store.reader.events(after: oldest, limit: 10) else {
        Issue.record("trimmed")
        return
      }
      #expect(events.map(\.cursor) == [3] && next == 3)
      scene.pass(.hours(1))
      _ = try scene.store.prune(now: scene.now, limit: 100)
      try scene.commit()
      guard case .trimmed(3) = try scene.store.reader.events(after: 2, limit: 10) else {
        Issue.record("not trimmed to the end")
        return
      }
      guard case .events(let none, 3) = try scene.store.reader.events(after: 3, limit: 10) else {
        Issue.record("the end is trimmed")
        return
      }
      #expect(none.isEmpty)
      guard case .events = try scene.store.reader.events(after: 0, limit: 10) else {
        Issue.record("0 is always the oldest stored")
        return
      }
      _ = try scene.add()
      #expect(try scene.commit().map(\.cursor) == [4])
    },
    StoreCase("events are trimmed by bytes") { harness in
      var configuration = StoreConfiguration()
      configuration.eventBytes = 5_000
      let scene = try StoreScene(harness, configuration)
      for _ in 0..<200 {
        for _ in 0..<10 { _ = try scene.add() }
        try scene.commit()
      }
      for _ in 0..<300 {
        _ = try scene.store.prune(now: scene.now, limit: 10)
        try scene.commit()
      }
      guard case .trimmed(let oldest) = try scene.store.reader.events(after: 1, limit: 10) else {
        Issue.record("not trimmed")
        return
      }
      #expect(oldest > 500 && oldest < 2000)
    },
  ]
}

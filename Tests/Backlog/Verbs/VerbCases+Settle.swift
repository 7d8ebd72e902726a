@testable import Backlog
import Jobs
import Testing

extension VerbSuite {
  static let settleCases: [VerbCase] = [
    VerbCase("a success ends the job and keeps its result") {
      let scene = try VerbScene()
      let id = try scene.add()
      let claimed = try scene.take()
      try scene.commit()
      scene.pass(.seconds(2))
      #expect(try scene.settle(claimed.lease, .succeeded(result: [1, 0, 2])) == .settled(.succeeded))
      let record = try scene.known(id)
      #expect(record.state == .succeeded && record.result == [1, 0, 2] && record.finishedAt == scene.now)
      #expect(record.startedAt == scene.now - .seconds(2) && record.workerID == "w" && record.leaseUntil == nil)
      #expect(record.attempt == 1)
      #expect(try scene.settle(claimed.lease, .succeeded(result: [])) == .notHeld)
      #expect(scene.store.queues(now: scene.now)[0].succeededTotal == 1)
    },
    VerbCase("a stale or foreign lease changes nothing") {
      let scene = try VerbScene()
      let id = try scene.add()
      let first = try scene.take()
      try scene.settle(first.lease, .unconfirmed)
      let second = try scene.take(worker: "v")
      try scene.commit()
      #expect(second.lease.token != first.lease.token && second.attempt == 1)
      for outcome in [Settlement.Outcome.succeeded(result: []), .lost, .unconfirmed, .released(delay: nil)] {
        #expect(try scene.settle(first.lease, outcome) == .notHeld)
      }
      #expect(try scene.settle(Lease(jobID: "nobody", token: second.lease.token), .lost) == .notHeld)
      #expect(try scene.settle(Lease(jobID: id, token: 0), .lost) == .notHeld)
      #expect(try scene.commit().isEmpty)
      #expect(try scene.settle(second.lease, .succeeded(result: [])) == .settled(.succeeded))
    },
    VerbCase("failures are retried with backoff until attempts are used up") {
      let scene = try VerbScene()
      let policy = RetryPolicy(maxAttempts: 3, initialBackoff: .seconds(1), multiplier: 2, jitter: 0.5)
      let id = try scene.add(NewJob(name: "a", options: JobOptions(retry: policy)))
      #expect(try scene.fail(scene.take().lease, draw: 0.5) == .settled(.retrying))
      var record = try scene.known(id)
      #expect(record.runAt == scene.now + .seconds(1) && record.attempt == 1 && record.failures.count == 1)
      #expect(record.failures[0].at == scene.now && record.failures[0].attempt == 1)
      #expect(record.failures[0].workerID == "w" && record.failures[0].type == "E")
      #expect(scene.events.last?.detail == .retry(record.failures[0], nextRunAt: record.runAt))
      #expect(try scene.claim().isEmpty)
      scene.pass(.seconds(1))
      #expect(try scene.promote() == 1)
      let second = try scene.take()
      #expect(second.attempt == 2 && second.readyAt == scene.now)
      #expect(try scene.fail(second.lease, draw: 0) == .settled(.retrying))
      #expect(try scene.record(id)?.runAt == scene.now + .seconds(1))
      scene.pass(.seconds(1))
      try scene.promote()
      #expect(try scene.fail(scene.take().lease) == .settled(.dead))
      record = try scene.known(id)
      #expect(record.attempt == 3 && record.failures.map(\.attempt) == [1, 2, 3])
      #expect(
        scene.events.map(\.kind) == [
          .enqueued, .started, .failed, .enqueued, .started, .failed, .enqueued, .started, .dead,
        ])
      #expect(scene.events.last?.detail == .failure(record.failures[2]))
      #expect(scene.store.queues(now: scene.now)[0].failedTotal == 3)
      #expect(scene.store.queues(now: scene.now)[0].dead == 1)
    },
    VerbCase("a failure that is not retryable is the last") {
      let scene = try VerbScene()
      let id = try scene.add()
      #expect(try scene.fail(scene.take().lease, retryable: false) == .settled(.dead))
      #expect(try scene.record(id)?.failures.first?.retryable == false)
    },
    VerbCase("only the latest ten failures are kept") {
      let scene = try VerbScene()
      let id = try scene.add()
      for _ in 0..<12 {
        _ = try scene.fail(scene.take().lease)
        scene.pass(.hours(2))
        try scene.promote()
        try scene.commit()
      }
      #expect(try scene.record(id)?.failures.map(\.attempt) == Array(3...12))
    },
    VerbCase("a released job keeps its place and its attempt, or waits for the delay") {
      let scene = try VerbScene()
      let first = try scene.add()
      let second = try scene.add()
      let claimed = try scene.take()
      scene.pass(.seconds(1))
      #expect(try scene.settle(claimed.lease, .released(delay: nil)) == .settled(.ready))
      var record = try scene.known(first)
      #expect(record.attempt == 0 && record.startedAt == nil && record.workerID.isEmpty)
      let again = try scene.take()
      #expect(again.job.id == first && again.attempt == 1)
      #expect(try scene.settle(again.lease, .released(delay: .seconds(3))) == .settled(.scheduled))
      record = try scene.known(first)
      #expect(record.runAt == scene.now + .seconds(3) && record.attempt == 0)
      #expect(scene.events.last?.detail == .due(scene.now + .seconds(3)))
      #expect(try scene.take().job.id == second)
      scene.pass(.seconds(3))
      try scene.promote()
      #expect(try scene.take().readyAt == scene.now)
    },
    VerbCase("lost attempts are counted apart and do not use up attempts, until there are too many") {
      let scene = try VerbScene()
      let policy = RetryPolicy(maxAttempts: 2, maxLost: 3)
      let id = try scene.add(NewJob(name: "a", options: JobOptions(retry: policy)))
      let place = try scene.known(id).place
      for lost in 1...2 {
        scene.pass(.seconds(1))
        #expect(try scene.settle(scene.take().lease, .lost) == .settled(.ready))
        let record = try scene.known(id)
        #expect(record.lost == lost && record.attempt == lost && record.place == place)
        #expect(record.failures.last?.type == "lost")
      }
      #expect(try scene.fail(scene.take().lease) == .settled(.retrying))
      #expect(try scene.record(id)?.runAt == scene.now + .seconds(1))
      scene.pass(.seconds(1))
      try scene.promote()
      #expect(try scene.settle(scene.take().lease, .lost) == .settled(.dead))
      try scene.commit()
      #expect(
        scene.events.map(\.kind).suffix(5) == [.failed, .enqueued, .started, .leaseLost, .dead])
      guard case .failure(let failure)? = scene.events.last?.detail else {
        Issue.record("dead without a failure")
        return
      }
      #expect(failure.type == "lost" && failure.attempt == 4)
    },
    VerbCase("renewals move the end of the lease, never past deadline and grace") {
      var configuration = StoreConfiguration()
      configuration.timeoutGrace = .seconds(5)
      let scene = try VerbScene(configuration)
      let id = try scene.add(NewJob(name: "a", options: JobOptions(timeout: .seconds(20)), payloadSize: 7))
      let claimed = try scene.take(worker: "w9", lease: .seconds(10))
      try scene.commit()
      #expect(scene.store.nextDue == scene.now + .seconds(10))
      let started = scene.now
      scene.pass(.seconds(8))
      let results = try scene.store.extend(
        [
          Extension(
            lease: claimed.lease, until: scene.now + .hours(1), progress: Progress(percent: 40, message: "half")),
          Extension(lease: Lease(jobID: id, token: 1 << 62), until: scene.now + .hours(1)),
        ], now: scene.now)
      guard case .extended(let held) = results[0], case .notHeld = results[1] else {
        Issue.record("\(results)")
        return
      }
      #expect(
        held
          == RunningJob(
            lease: claimed.lease, workerID: "w9", queue: "default", name: "a", attempt: 1, payloadSize: 7,
            startedAt: started, deadline: scene.store.instant(started + .seconds(20)), cancelRequested: false,
            cancelReason: ""))
      #expect(scene.store.nextDue == started + .seconds(25))
      let progress = Progress(percent: 40, message: "half", at: scene.now)
      #expect(try scene.record(id)?.progress == progress)
      #expect(scene.events.last?.detail == .progress(progress))
      _ = try scene.store.extend([Extension(lease: claimed.lease, until: scene.now + .seconds(2))], now: scene.now)
      #expect(scene.store.nextDue == scene.now + .seconds(2))
      #expect(try scene.commit().isEmpty)
    },
  ]
}

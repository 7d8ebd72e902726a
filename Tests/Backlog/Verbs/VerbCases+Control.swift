import Jobs
import Testing

extension VerbSuite {
  static let controlCases: [VerbCase] = [
    VerbCase("a waiting job is canceled, with the reason kept") {
      let scene = try VerbScene()
      let id = try scene.add()
      let silent = try scene.add(NewJob(name: "a", runAt: scene.now + .hours(1)))
      #expect(try scene.control(.cancel(jobID: id, reason: "no more")) == .done(.canceled))
      #expect(try scene.control(.cancel(jobID: silent, reason: "")) == .done(.canceled))
      let record = try scene.known(id)
      #expect(record.state == .canceled && record.finishedAt == scene.now)
      #expect(record.failures.map(\.type) == ["canceled"] && record.failures.map(\.message) == ["no more"])
      #expect(try scene.record(silent)?.failures.isEmpty == true)
      #expect(scene.events.suffix(2).map(\.kind) == [.canceled, .canceled])
      #expect(scene.events.suffix(2).map(\.detail) == [.failure(record.failures[0]), .none])
      #expect(try scene.claim().isEmpty && scene.store.nextDue == nil)
      #expect(try scene.control(.cancel(jobID: id, reason: "")) == .refused(.canceled))
      #expect(try scene.control(.cancel(jobID: "nobody", reason: "")) == .notFound)
    },
    VerbCase("a running job is marked, and canceled when its lease ends in whatever way but success") {
      let scene = try VerbScene()
      let outcomes: [Settlement.Outcome] = [
        .canceled(draw: 0), .failed(Failure(type: "E", message: ""), draw: 0), .lost, .unconfirmed,
        .released(delay: .seconds(1)), .failed(Failure(type: "E", message: "", retryable: false), draw: 0),
      ]
      for outcome in outcomes {
        let id = try scene.add()
        let claimed = try scene.take()
        guard case .running(let held) = try scene.control(.cancel(jobID: id, reason: "stop")) else {
          Issue.record("not running")
          return
        }
        #expect(held.lease == claimed.lease && held.workerID == "w")
        #expect(try scene.record(id)?.cancelRequested == true)
        #expect(try scene.settle(claimed.lease, outcome) == .settled(.canceled))
        let record = try scene.known(id)
        #expect(record.failures.last?.type == "canceled" && record.failures.last?.message == "stop")
        #expect(!record.cancelRequested)
        #expect(scene.events.last?.kind == .canceled)
      }
      let id = try scene.add()
      let claimed = try scene.take()
      _ = try scene.control(.cancel(jobID: id, reason: "stop"))
      #expect(try scene.settle(claimed.lease, .succeeded(result: [])) == .settled(.succeeded))
      _ = try scene.add()
      _ = try scene.control(.cancel(jobID: scene.take(lease: .seconds(1)).job.id, reason: ""))
      scene.pass(.seconds(1))
      #expect(try scene.store.reclaim(now: scene.now, limit: 9).map(\.state) == [.canceled])
    },
    VerbCase("the reason that was given first is why a job is canceled") {
      let scene = try VerbScene()
      for reasons in [["first", "second"], ["", "first", "second"], ["first", ""]] {
        let id = try scene.add()
        let claimed = try scene.take()
        for reason in reasons { _ = try scene.control(.cancel(jobID: id, reason: reason)) }
        #expect(try scene.settle(claimed.lease, .canceled(draw: 0)) == .settled(.canceled))
        #expect(try scene.known(id).failures.map(\.message) == ["first"])
      }
    },
    VerbCase("a worker that stops without being told to has failed") {
      let scene = try VerbScene()
      let id = try scene.add()
      #expect(try scene.settle(scene.take().lease, .canceled(draw: 0.5)) == .settled(.retrying))
      #expect(try scene.record(id)?.failures.last?.type == "canceled")
    },
    VerbCase("dead, canceled, expired and retrying jobs can be retried") {
      let scene = try VerbScene()
      let dead = try scene.add(NewJob(name: "a", options: JobOptions(retry: RetryPolicy(maxAttempts: 1))))
      _ = try scene.fail(scene.take().lease)
      let retrying = try scene.add()
      _ = try scene.fail(scene.take().lease)
      let canceled = try scene.add()
      _ = try scene.control(.cancel(jobID: canceled, reason: ""))
      let expired = try scene.add(NewJob(name: "a", options: JobOptions(startBefore: scene.now)))
      try scene.promote()
      try scene.commit()
      scene.pass(.milliseconds(10))
      for id in [dead, retrying, canceled, expired] {
        #expect(try scene.control(.retry(jobID: id, resetAttempts: id == retrying)) == .done(.ready))
        let record = try scene.known(id)
        #expect(record.state == .ready && record.finishedAt == nil && record.runAt == scene.now)
      }
      #expect(try scene.record(dead)?.failures.count == 1)
      #expect(try scene.record(dead)?.attempt == 1)
      #expect(try scene.record(retrying)?.attempt == 0)
      #expect(try scene.promote() == 0, "a start_before in the past is dropped")
      let again = try scene.claim(4)
      #expect(again.map(\.job.id) == [dead, retrying, canceled, expired])
      #expect(again.map(\.attempt) == [2, 1, 1, 1])
      #expect(try scene.fail(again[0].lease) == .settled(.dead), "one more attempt, no more")
      #expect(try scene.control(.retry(jobID: again[1].job.id, resetAttempts: false)) == .refused(.running))
      try scene.settle(again[1].lease, .succeeded(result: []))
      #expect(try scene.control(.retry(jobID: again[1].job.id, resetAttempts: false)) == .refused(.succeeded))
      #expect(try scene.control(.retry(jobID: "nobody", resetAttempts: false)) == .notFound)
      let ready = try scene.add()
      #expect(try scene.control(.retry(jobID: ready, resetAttempts: false)) == .refused(.ready))
    },
    VerbCase("a retried job is not forgotten when its old retention is over") {
      let scene = try VerbScene()
      let id = try scene.add(NewJob(name: "a", options: JobOptions(retention: .seconds(1))))
      _ = try scene.fail(scene.take().lease, retryable: false)
      _ = try scene.control(.retry(jobID: id, resetAttempts: true))
      try scene.commit()
      scene.pass(.hours(1))
      _ = try scene.store.prune(now: scene.now, limit: 9)
      #expect(try scene.state(id) == .ready)
      try scene.settle(scene.take().lease, .succeeded(result: []))
      _ = try scene.store.prune(now: scene.now, limit: 9)
      #expect(try scene.state(id) == .succeeded)
    },
    VerbCase("any job but a running one can be deleted") {
      let scene = try VerbScene()
      let ready = try scene.add(NewJob(id: "mine", name: "a"))
      #expect(try scene.control(.delete(jobID: ready)) == .done(.ready))
      let scheduled = try scene.add(NewJob(name: "a", runAt: scene.now + .hours(1)))
      #expect(try scene.control(.delete(jobID: scheduled)) == .done(.scheduled))
      let running = try scene.add(NewJob(id: "mine", name: "a"))
      let claimed = try scene.take()
      #expect(try scene.control(.delete(jobID: running)) == .refused(.running))
      try scene.settle(claimed.lease, .succeeded(result: []))
      #expect(try scene.control(.delete(jobID: running)) == .done(.succeeded))
      #expect(try scene.control(.delete(jobID: running)) == .notFound)
      #expect(try scene.list().isEmpty)
      #expect(scene.store.nextDue == nil)
      #expect(try scene.claim().isEmpty)
    },
    VerbCase("a sweep changes what matches, a slice at a time") {
      let scene = try VerbScene()
      for index in 0..<10 {
        let queue = index % 2 == 0 ? "even" : "odd"
        _ = try scene.add(NewJob(queue: queue, name: index < 4 ? "a" : "b"))
      }
      for job in try scene.claim(3, from: ["even"]) { _ = try scene.fail(job.lease, retryable: false) }
      try scene.commit()
      func run(_ sweep: Sweep) throws -> Int {
        var total = 0
        var cursor: Int64?
        for _ in 0..<50 {
          let slice = try scene.store.sweep(sweep, from: cursor, limit: 3, now: scene.now)
          try scene.commit()
          total += slice.count
          cursor = slice.next
          if cursor == nil { return total }
        }
        Issue.record("a sweep without an end")
        return total
      }
      #expect(try run(Sweep(action: .retry(resetAttempts: true), queue: "even", states: [.dead], name: "a")) == 2)
      #expect(try run(Sweep(action: .delete, queue: "odd", states: [.ready], name: "b")) == 3)
      #expect(try run(Sweep(action: .delete, queue: "odd", states: [.dead, .scheduled])) == 0)
      #expect(try run(Sweep(action: .delete, queue: "even", states: [.ready, .dead])) == 5)
      #expect(try scene.list().map(\.job.name) == ["a", "a"])
    },
  ]
}

import Jobs
import Testing

extension VerbSuite {
  static let claimCases: [VerbCase] = [
    VerbCase("higher priority first, then who is due longer, then who came first") {
      let scene = try VerbScene()
      let low = try scene.add(NewJob(name: "a", priority: -1))
      let soon = try scene.add(NewJob(name: "b", runAt: scene.now + .seconds(1)))
      let first = try scene.add(NewJob(name: "a"))
      let second = try scene.add(NewJob(name: "b"))
      let high = try scene.add(NewJob(name: "a", priority: 100))
      scene.pass(.seconds(2))
      let last = try scene.add(NewJob(name: "a"))
      try scene.promote()
      #expect(try scene.claim(10).map(\.job.id) == [high, first, second, soon, last, low])
    },
    VerbCase("patterns are taken in strict order, within one the best place of all its queues") {
      let scene = try VerbScene()
      let b = try scene.add(NewJob(queue: "b", name: "a", priority: 9))
      let mail2 = try scene.add(NewJob(queue: "mail.2", name: "a"))
      let mail1 = try scene.add(NewJob(queue: "mail.1", name: "a"))
      let urgent = try scene.add(NewJob(queue: "mail.1", name: "a", priority: 1))
      _ = try scene.add(NewJob(queue: "nobody", name: "a"))
      #expect(try scene.claim(9, from: ["mail.*", "b"]).map(\.job.id) == [urgent, mail2, mail1, b])
    },
    VerbCase("only asked names are given") {
      let scene = try VerbScene()
      let a = try scene.add(NewJob(name: "a"))
      _ = try scene.add(NewJob(name: "b"))
      let c = try scene.add(NewJob(name: "c"))
      #expect(try scene.claim(9, names: ["c", "a"]).map(\.job.id) == [a, c])
      #expect(try scene.claim(9, names: ["nothing"]).isEmpty)
    },
    VerbCase("slots are served in order, and dry filters are told") {
      let scene = try VerbScene()
      var ids: [String] = []
      for _ in 0..<3 { ids.append(try scene.add(NewJob(queue: "q", name: "a"))) }
      let until = scene.now + .seconds(30)
      let result = try scene.store.claim(
        ClaimRequest(
          filters: [ClaimFilter(queues: [QueuePattern("q")]), ClaimFilter(queues: [QueuePattern("empty")])],
          workers: [ClaimRequest.Worker(id: "x", leaseUntil: until), ClaimRequest.Worker(id: "y", leaseUntil: until)],
          slots: [
            ClaimRequest.Slot(worker: 1, filter: 0), ClaimRequest.Slot(worker: 0, filter: 1),
            ClaimRequest.Slot(worker: 0, filter: 0), ClaimRequest.Slot(worker: 1, filter: 0),
          ]), now: scene.now)
      #expect(result.jobs.map(\.job.id) == ids)
      #expect(result.jobs.map(\.worker) == [1, 0, 1])
      #expect(result.dry == [false, true])
      #expect(try scene.claim(1, from: ["q"]).isEmpty)
      #expect(Set(result.jobs.map(\.lease.token)).count == 3)
    },
    VerbCase("byte budgets end a worker's turn, but one job is always allowed") {
      let scene = try VerbScene()
      var ids: [String] = []
      for size in [100, 60, 60, 10] { ids.append(try scene.add(NewJob(name: "a", payloadSize: size))) }
      let until = scene.now + .seconds(30)
      func request(_ budgets: [(Int, Bool)]) -> ClaimRequest {
        let workers = budgets.map {
          ClaimRequest.Worker(id: "w", leaseUntil: until, byteBudget: $0.0, holdsNothing: $0.1)
        }
        let slots = (0..<4).flatMap { _ in budgets.indices.map { ClaimRequest.Slot(worker: $0, filter: 0) } }
        return ClaimRequest(
          filters: [ClaimFilter(queues: [QueuePattern("*")])], workers: workers, slots: slots)
      }
      // The first takes the big job and is full; the second takes 60 of its 100 and the next does not fit.
      let result = try scene.store.claim(request([(50, true), (100, true)]), now: scene.now)
      #expect(result.jobs.map(\.job.id) == [ids[0], ids[1]])
      #expect(result.jobs.map(\.worker) == [0, 1])
      #expect(result.dry == [false])
      #expect(try scene.store.claim(request([(59, false)]), now: scene.now).jobs.isEmpty)
      #expect(try scene.store.claim(request([(70, false)]), now: scene.now).jobs.map(\.job.id) == [ids[2], ids[3]])
    },
    VerbCase("paused queues give nothing, what runs goes on") {
      let scene = try VerbScene()
      let filter = ClaimFilter(queues: [QueuePattern("q")])
      let running = try scene.add(NewJob(queue: "q", name: "a"))
      let held = try scene.take()
      let id = try scene.add(NewJob(queue: "q", name: "a"))
      #expect(scene.store.mayHaveReady(filter))
      scene.store.setPaused(true, queue: "q", now: scene.now)
      scene.store.setPaused(true, queue: "q", now: scene.now)
      scene.store.setPaused(true, queue: "unknown", now: scene.now)
      #expect(scene.store.isPaused("q") && scene.store.isPaused("unknown") && !scene.store.isPaused("other"))
      #expect(try scene.claim().isEmpty)
      #expect(try scene.settle(held.lease, .succeeded(result: [])) == .settled(.succeeded))
      #expect(scene.store.queues(now: scene.now).map(\.name) == ["q", "unknown"])
      #expect(scene.store.queues(now: scene.now).allSatisfy { $0.paused })
      scene.store.setPaused(false, queue: "q", now: scene.now)
      #expect(scene.store.mayHaveReady(filter))
      #expect(try scene.take().job.id == id)
      try scene.commit()
      #expect(
        scene.events.map(\.kind) == [
          .enqueued, .started, .enqueued, .queuePaused, .queuePaused, .succeeded, .queueResumed, .started,
        ])
      #expect(scene.events[3].queue == "q" && scene.events[1].jobID == running)
    },
    VerbCase("a job past its start_before is not started but expires") {
      let scene = try VerbScene()
      let late = try scene.add(NewJob(name: "a", options: JobOptions(startBefore: scene.now + .seconds(1))))
      let waiting = try scene.add(
        NewJob(
          name: "a", runAt: scene.now + .hours(1), options: JobOptions(startBefore: scene.now + .seconds(1))))
      let fine = try scene.add()
      #expect(scene.store.nextDue == scene.now + .seconds(1))
      scene.pass(.seconds(1))
      #expect(try scene.claim(3).map(\.job.id) == [fine])
      try scene.promote()
      #expect(try scene.state(late) == .expired)
      #expect(try scene.state(waiting) == .expired)
      #expect(try scene.record(late)?.finishedAt == scene.now)
      #expect(Set(scene.events.filter { $0.kind == .expired }.map(\.jobID)) == [late, waiting])
      #expect(scene.store.nextDue != scene.now)
    },
  ]
}

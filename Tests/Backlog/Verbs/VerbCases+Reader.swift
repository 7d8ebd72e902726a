import Jobs
import Testing

extension VerbSuite {
  static let readerCases: [VerbCase] = [
    VerbCase("lists are newest first, filtered, and paged right while jobs come and go") {
      let scene = try VerbScene()
      var ids: [String] = []
      for index in 0..<25 {
        ids.append(
          try scene.add(
            NewJob(
              queue: index % 2 == 0 ? "even" : "odd", name: index % 3 == 0 ? "fizz" : "other",
              runAt: index % 5 == 0 ? scene.now + .hours(1) : nil,
              options: index % 4 == 0 ? JobOptions(batchID: "b") : .standard)))
      }
      #expect(try scene.list().map(\.job.id) == ids.reversed())
      var query = JobQuery()
      query.limit = 4
      #expect(try scene.list(query).map(\.job.id) == ids.reversed())
      func indices(_ matches: (Int) -> Bool) -> [String] { ids.indices.reversed().filter(matches).map { ids[$0] } }
      query.queue = "even"
      #expect(try scene.list(query).map(\.job.id) == indices { $0 % 2 == 0 })
      query.name = "fizz"
      #expect(try scene.list(query).map(\.job.id) == indices { $0 % 6 == 0 })
      query.states = [.scheduled, .dead]
      #expect(try scene.list(query).map(\.job.id) == indices { $0 % 30 == 0 })
      query = JobQuery()
      query.batchID = "b"
      #expect(try scene.list(query).map(\.job.id) == indices { $0 % 4 == 0 })
      query.queue = "nowhere"
      #expect(try scene.list(query).isEmpty)
      query = JobQuery()
      query.limit = 10
      let first = try scene.store.reader.jobs(query)
      _ = try scene.add()
      _ = try scene.control(.delete(jobID: ids[20]))
      _ = try scene.control(.delete(jobID: ids[10]))
      try scene.commit()
      query.before = first.next
      let second = try scene.store.reader.jobs(query)
      #expect(first.jobs.map(\.job.id) == ids[15...].reversed())
      #expect(second.jobs.map(\.job.id) == [14, 13, 12, 11, 9, 8, 7, 6, 5, 4].map { ids[$0] })
    },
    VerbCase("a reader sees only what was committed") {
      let scene = try VerbScene()
      let id = try scene.add(NewJob(id: "x", name: "a"))
      #expect(try scene.store.reader.job(id: id) == nil)
      #expect(scene.store.lastEventCursor == 0)
      guard case .events(let events, next: 0) = try scene.store.reader.events(after: 0, limit: 9) else {
        Issue.record("trimmed")
        return
      }
      #expect(events.isEmpty)
      try scene.commit()
      #expect(try scene.store.reader.job(id: id) != nil)
      #expect(scene.store.lastEventCursor == 1)
    },
    VerbCase("events resume from every cursor without a gap") {
      let scene = try VerbScene()
      for index in 0..<20 {
        for _ in 0...index % 4 { _ = try scene.add() }
        if index % 3 == 0 { for job in try scene.claim(2) { _ = try scene.fail(job.lease) } }
        try scene.commit()
        scene.pass(.seconds(1))
      }
      scene.store.record([
        Event(kind: .workerConnected, at: scene.now, workerID: "w1"),
        Event(kind: .workerDisconnected, at: scene.now, workerID: "w1"),
      ])
      try scene.commit()
      #expect(scene.events.map(\.cursor) == Array(1...Int64(scene.events.count)))
      #expect(scene.store.lastEventCursor == Int64(scene.events.count))
      for cursor in 0...scene.events.count {
        for limit in [1, 2, 7, 1000] {
          guard case .events(let page, let next) = try scene.store.reader.events(after: Int64(cursor), limit: limit)
          else {
            Issue.record("trimmed at \(cursor)")
            return
          }
          #expect(page.count <= limit && (!page.isEmpty || cursor == scene.events.count))
          #expect(page == Array(scene.events[cursor..<cursor + page.count]))
          #expect(next == Int64(cursor + page.count))
        }
      }
    },
    VerbCase("queues tell how they stand") {
      let scene = try VerbScene()
      for _ in 0..<3 { _ = try scene.add(NewJob(queue: "b", name: "a")) }
      let oldest = scene.now
      scene.pass(.seconds(1))
      _ = try scene.add(NewJob(queue: "b", name: "a", runAt: scene.now + .seconds(9)))
      _ = try scene.add(NewJob(queue: "a", name: "a"))
      _ = try scene.claim(1, from: ["a"])
      let failed = try scene.claim(1, from: ["b"])[0]
      _ = try scene.fail(failed.lease)
      try scene.commit()
      var a = QueueStatistics(name: "a")
      a.running = 1
      var b = QueueStatistics(name: "b")
      b.ready = 2
      b.scheduled = 2
      b.failedTotal = 1
      b.oldestReadyAt = oldest
      #expect(scene.store.queues(now: scene.now) == [a, b])
      let place = Place(priority: 0, readyAt: scene.now, seq: .max)
      #expect(scene.store.jobsAhead(of: place, queue: "b") == 2)
      #expect(scene.store.jobsAhead(of: Place(priority: 1, readyAt: oldest, seq: 0), queue: "b") == 0)
      #expect(scene.store.jobsAhead(of: place, queue: "nowhere") == 0)
    },
    VerbCase("the jobs ahead are named, the next to run first") {
      let scene = try VerbScene()
      func add(_ name: String, priority: Int8) throws -> String {
        var job = NewJob(queue: "b", name: name)
        job.priority = priority
        return try scene.add(job)
      }
      let taken = try add("a", priority: 9)
      var ids = [try add("a", priority: 0), try add("b", priority: 0)]
      scene.pass(.seconds(1))
      ids += [try add("a", priority: 0), try add("b", priority: -7)]
      ids.insert(try add("c", priority: 9), at: 0)
      _ = try scene.add(NewJob(queue: "c", name: "a"))
      #expect(try scene.claim(1, from: ["b"]).map(\.lease.jobID) == [taken])
      try scene.commit()
      func ahead(_ priority: Int8, _ at: Timestamp, _ seq: Int64 = .max, most: Int = 10) throws -> [String] {
        try scene.store.idsAhead(of: Place(priority: priority, readyAt: at, seq: seq), queue: "b", most: most)
      }
      #expect(try ahead(-100, scene.now) == ids)
      #expect(try ahead(-100, scene.now, most: 3) == Array(ids[..<3]))
      #expect(try ahead(-100, scene.now, most: 0) == [])
      #expect(try ahead(0, scene.now, 0) == Array(ids[..<3]))
      #expect(try ahead(0, scene.now - .seconds(1), 0) == Array(ids[..<1]))
      #expect(try ahead(10, scene.now) == [])
      #expect(
        try scene.store.idsAhead(of: Place(priority: 0, readyAt: scene.now, seq: 0), queue: "nowhere", most: 9) == [])
    },
  ]
}

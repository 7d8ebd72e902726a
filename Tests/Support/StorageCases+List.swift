import Jobs
import Testing

extension StorageConformance {
  static let listCases: [StorageCase] = [
    StorageCase("a job is found by its id, made or chosen") { harness in
      let scene = try StorageScene(harness)
      let made = try scene.put(NewJob(name: "a", body: [1]))
      let chosen = try scene.put(NewJob(id: "mine", name: "b"), carried: fullCarried(at: scene.now))
      let reader = scene.storage.reader
      #expect(try reader.job(id: made.job.id).map(describe) == scene.jobs[made.seq].map { describe($0.record) })
      #expect(try reader.job(id: "mine").map(describe) == scene.jobs[chosen.seq].map { describe($0.record) })
      for id in ["", "nobody", JobID.make(seq: made.seq, at: scene.now + .seconds(1), salt: scene.salt)] {
        #expect(try reader.job(id: id) == nil)
      }
    },
    StorageCase("lists are newest first, take every filter, and are paged right while jobs come and go") { harness in
      let scene = try StorageScene(harness)
      var heads: [JobHead] = []
      let start = scene.now
      for index in 0..<60 {
        scene.now = start + .seconds(Int64(index))
        heads.append(
          try scene.put(
            NewJob(
              queue: index % 2 == 0 ? "even" : "odd", name: index % 3 == 0 ? "fizz" : "other",
              runAt: index % 5 == 0 ? scene.now + .hours(1) : nil,
              options: JobOptions(
                concurrencyKey: index % 6 == 0 ? "c" : "", fairnessKey: index % 7 == 0 ? "f" : "",
                batchID: index % 4 == 0 ? "b" : "", recurringJobID: index % 8 == 0 ? "r" : "")),
            standing: index % 9 == 0 ? scene.final() : nil))
      }
      func check(_ matches: (Int) -> Bool, _ change: (inout JobQuery) -> Void) throws {
        for limit in [1, 7, 1_000] {
          var query = JobQuery()
          query.limit = limit
          change(&query)
          #expect(
            try scene.list(query).map(\.job.id) == heads.indices.reversed().filter(matches).map { heads[$0].job.id })
        }
      }
      try check({ _ in true }) { _ in }
      try check({ $0 % 2 == 0 }) { $0.queue = "even" }
      try check({ $0 % 3 == 0 }) { $0.name = "fizz" }
      try check({ $0 % 6 == 0 }) {
        $0.queue = "even"
        $0.name = "fizz"
      }
      try check({ $0 % 9 == 0 }) { $0.states = [.succeeded] }
      try check({ $0 % 9 == 0 || $0 % 5 == 0 }) { $0.states = [.succeeded, .scheduled] }
      try check({ $0 % 9 != 0 && $0 % 5 != 0 }) { $0.states = [.ready] }
      try check({ $0 % 4 == 0 }) { $0.batchID = "b" }
      try check({ $0 % 6 == 0 }) { $0.concurrencyKey = "c" }
      try check({ $0 % 7 == 0 }) { $0.fairnessKey = "f" }
      try check({ $0 % 8 == 0 }) { $0.recurringJobID = "r" }
      try check({ $0 < 17 }) { $0.createdBefore = start + .seconds(17) }
      try check({ $0 < 17 && $0 % 4 == 0 && $0 % 5 == 0 }) {
        $0.createdBefore = start + .seconds(17)
        $0.batchID = "b"
        $0.states = [.scheduled, .succeeded]
      }
      try check({ _ in false }) { $0.queue = "nowhere" }
      try check({ _ in false }) { $0.batchID = "fizz" }

      var query = JobQuery()
      query.limit = 10
      let first = try scene.storage.reader.jobs(query)
      try scene.put(NewJob(name: "later"))
      var change = scene.change()
      for index in [50, 49, 40] { change.forgotten.append(ForgottenJob(head: heads[index], state: .ready)) }
      try scene.write(change)
      query.before = first.next
      let second = try scene.storage.reader.jobs(query)
      #expect(first.jobs.map(\.seq) == (51...60).reversed())
      #expect(second.jobs.map(\.seq) == [49, 48, 47, 46, 45, 44, 43, 42, 40, 39])
    },
    StorageCase("a look-up costs what it finds, whatever else there is") { harness in
      let scene = try StorageScene(harness)
      let needle = NewJob(
        queue: "needles", name: "needle",
        options: JobOptions(concurrencyKey: "c", fairnessKey: "f", batchID: "b", recurringJobID: "r"))
      var change = scene.change(.relaxed)
      scene.add(needle, to: &change, standing: scene.final(.expired))
      try scene.write(change)
      for _ in 0..<4 {
        var hay = scene.change(.relaxed)
        for _ in 0..<3_000 {
          scene.add(NewJob(queue: "hay", name: "hay", options: JobOptions(batchID: "hay")), to: &hay)
        }
        try scene.write(hay)
      }
      _ = try scene.storage.tidy(now: scene.now)
      let finders: [@Sendable (inout JobQuery) -> Void] = [
        { $0.queue = "needles" }, { $0.name = "needle" }, { $0.states = [.expired] }, { $0.batchID = "b" },
        { $0.concurrencyKey = "c" }, { $0.fairnessKey = "f" }, { $0.recurringJobID = "r" },
        { $0.states = [.expired, .dead, .succeeded, .canceled] },
        {
          $0.queue = "needles"
          $0.states = [.expired]
        },
        {
          $0.queue = "hay"
          $0.states = [.expired]
        }, { $0.queue = "none" }, { $0.name = "none" }, { $0.batchID = "none" },
      ]
      for (index, find) in finders.enumerated() {
        var query = JobQuery()
        find(&query)
        // In one page: it looked at no more than a few thousand rows.
        let page = try scene.storage.reader.jobs(query)
        #expect(page.next == nil, "look-up \(index)")
        #expect(page.jobs.map(\.seq) == (index < 9 ? [1] : []), "look-up \(index)")
        let rows = try scene.storage.rows.jobs(matching: query)
        #expect(rows.next == nil && rows.jobs.map(\.seq) == page.jobs.map(\.seq), "look-up \(index)")
      }
    },
  ]
}

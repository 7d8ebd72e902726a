import Jobs
import Testing

extension StorageConformance {
  static let eventCases: [StorageCase] = [
    StorageCase("every kind and detail of event is given back") { harness in
      let scene = try StorageScene(harness)
      let made = scene.head(NewJob(name: "a", options: JobOptions(batchID: "b")))
      let chosen = scene.head(NewJob(id: "x", queue: "other", name: "b"))
      let details: [Event.Detail] = [
        .none, .failure(failure(1, at: scene.now)),
        .retry(failure(2, at: scene.now), nextRunAt: scene.now + .seconds(9)),
        .progress(Progress(percent: 5, message: "m", at: scene.now)), .due(scene.now + .days(9)),
        .audit(principal: "who", call: "which"),
      ]
      var change = scene.change()
      for kind in Event.Kind.allCases {
        for (index, detail) in details.enumerated() {
          scene.now = scene.now + .microseconds(index % 2 == 0 ? 7 : -3)
          scene.tell(kind, index % 2 == 0 ? made : chosen, detail: detail, in: &change)
          scene.tell(
            Event(
              kind: kind, at: scene.now, jobID: index == 3 ? "" : chosen.job.id, queue: index == 4 ? "" : "q", name: "",
              attempt: UInt32(index) * 1_000_000, workerID: "w\(index)", batchID: "", detail: detail),
            in: &change)
        }
      }
      try scene.write(change)
      #expect(try scene.events(after: 0) == scene.events)
      if try scene.reopen(crash: false) {
        #expect(try scene.events(after: 0) == scene.events)
        #expect(try scene.load().lastCursor >= scene.lastCursor)
      }
    },
    StorageCase("events resume from every cursor without a gap") { harness in
      let scene = try StorageScene(harness)
      #expect(try scene.events(after: 0).isEmpty)
      for index in 0..<20 {
        var change = scene.change(index % 2 == 0 ? .synced : .relaxed)
        for _ in 0...index % 4 {
          let head = scene.add(NewJob(name: "a"), to: &change)
          scene.tell(.enqueued, head, in: &change)
        }
        try scene.write(change)
      }
      for cursor in 0...scene.events.count {
        for limit in [1, 2, 7, 1_000] {
          let page = try scene.events(after: Int64(cursor), limit: limit)
          #expect(page == Array(scene.events[cursor...].prefix(limit)))
        }
      }
    },
    StorageCase("a tick of very many events is told in pages") { harness in
      let scene = try StorageScene(harness)
      var change = scene.change()
      for _ in 0..<5_000 {
        let head = scene.add(NewJob(name: "a"), to: &change)
        scene.tell(.enqueued, head, in: &change)
      }
      try scene.write(change)
      var cursor: Int64 = 0
      var found: [Event] = []
      while true {
        let page = try scene.events(after: cursor, limit: 999)
        guard let last = page.last else { break }
        found += page
        cursor = last.cursor
      }
      #expect(found == scene.events)
    },
    StorageCase("old events go by age, and who asks for them is told") { harness in
      let scene = try StorageScene(harness, retention: EventRetention(age: .seconds(100), bytes: 1 << 30))
      let start = scene.now
      for index in 0..<10 {
        scene.now = start + .seconds(Int64(index) * 10)
        var change = scene.change()
        let head = scene.add(NewJob(name: "a"), to: &change)
        scene.tell(.enqueued, head, in: &change)
        try scene.write(change)
      }
      // As below: only what is in the tables is tidied.
      _ = try scene.events(after: 0)
      for _ in 0..<10 { _ = try scene.storage.tidy(now: start + .seconds(145)) }
      guard case .trimmed(let oldest) = try scene.storage.reader.events(after: 1, limit: 9) else {
        Issue.record("nothing was trimmed")
        return
      }
      #expect(oldest >= 1 && oldest <= 5, "only what is over age goes")
      #expect(try scene.events(after: oldest) == Array(scene.events[Int(oldest)...]))
      #expect(try scene.events(after: 0) == Array(scene.events[Int(oldest)...]))
      for _ in 0..<10 { _ = try scene.storage.tidy(now: start + .days(9)) }
      #expect(try scene.events(after: 0).isEmpty)
      #expect(try scene.load().lastCursor >= 10)
      if try scene.reopen(crash: false) {
        #expect(try scene.load().lastCursor >= 10)
        guard case .trimmed = try scene.storage.reader.events(after: 3, limit: 9) else {
          Issue.record("forgotten that events were trimmed")
          return
        }
      }
    },
    StorageCase("old events go when they are too many bytes") { harness in
      let scene = try StorageScene(harness, retention: EventRetention(age: .days(1), bytes: 5_000))
      for _ in 0..<40 {
        var change = scene.change(.relaxed)
        for index in 0..<20 {
          let head = scene.add(NewJob(name: "name number \(index)"), to: &change)
          scene.tell(.enqueued, head, in: &change)
        }
        try scene.write(change)
      }
      let all = scene.events.count
      // A storage that brings them into its tables later has them there once they are asked for: only then can they be tidied.
      _ = try scene.events(after: 0)
      for _ in 0..<10 { _ = try scene.storage.tidy(now: scene.now) }
      let left = try scene.events(after: 0).count
      #expect(left > 0 && left < all)
    },
    StorageCase("a change set without events leaves the cursor") { harness in
      let scene = try StorageScene(harness)
      var change = scene.change()
      scene.tell(.enqueued, scene.head(NewJob(name: "a")), in: &change)
      change.nextSeq = scene.nextSeq
      try scene.write(change)
      try scene.write(scene.change())
      var another = scene.change()
      scene.tell(Event(kind: .queuePaused, at: scene.now, queue: "q"), in: &another)
      try scene.write(another)
      #expect(try scene.events(after: 1).map(\.kind) == [.queuePaused])
    },
  ]
}

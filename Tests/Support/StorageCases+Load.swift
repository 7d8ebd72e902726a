import Jobs
import Testing

extension StorageConformance {
  private static func checkDocuments(_ scene: StorageScene, long: String) throws {
    let documents = try scene.load().documents
    #expect(documents.count == 2 * Document.Kind.allCases.count)
    let same = LoadedState.DocumentKey(kind: .recurring, key: "same")
    #expect(documents[same] == [Document.Kind.recurring.rawValue, 0, 255])
    #expect(documents[LoadedState.DocumentKey(kind: .recurring, key: long)] == [])
    let setting = LoadedState.DocumentKey(kind: .setting, key: "same")
    #expect(documents[setting] == [UInt8](repeating: 7, count: 70_000))
  }

  static let loadCases: [StorageCase] = [
    StorageCase("an empty storage loads as empty, each epoch is higher") { harness in
      let scene = try StorageScene(harness)
      let state = try scene.load()
      #expect(state.salt == scene.salt && state.nextSeq == 1 && state.lastCursor == 0 && state.lastNumber == 0)
      #expect(state.jobs.isEmpty && state.queues.isEmpty && state.documents.isEmpty)
      #expect(state.chosen.isEmpty && state.holds.isEmpty)
      let before = scene.epoch
      if try scene.reopen(crash: true) {
        #expect(scene.epoch > before)
        let again = try scene.load()
        #expect(again.salt == scene.salt && again.lastCursor == 0 && again.nextSeq == 1)
      }
    },
    StorageCase("queues are kept as they were last, until they are forgotten") { harness in
      let scene = try StorageScene(harness)
      var full = StoredQueue(name: "full")
      full.isPaused = true
      full.succeeded = 1 << 40
      full.failed = 2
      full.ended = 3
      full.dead = 4
      full.lastUsedAt = scene.now
      var change = scene.change()
      change.queues = [full, StoredQueue(name: "bare"), StoredQueue(name: "gone")]
      try scene.write(change)
      full.isPaused = false
      full.dead = 5
      change = scene.change()
      change.queues = [full]
      change.forgottenQueues = ["gone", "never.was"]
      try scene.write(change)
      let expected = ["full": full, "bare": StoredQueue(name: "bare")]
      #expect(try scene.load().queues == expected)
      if try scene.reopen(crash: false) { #expect(try scene.load().queues == expected) }
      change = scene.change()
      change.queues = (0..<3_000).map { StoredQueue(name: "q.\($0)") }
      try scene.write(change)
      #expect(try scene.load().queues.count == 3_002)
    },
    StorageCase("documents are kept by kind and key, until they are gone") { harness in
      let scene = try StorageScene(harness)
      let long = String(repeating: "é", count: 300)
      var change = scene.change()
      for kind in Document.Kind.allCases {
        change.documents.append(Document(kind: kind, key: "same", bytes: [kind.rawValue, 0, 255]))
        change.documents.append(Document(kind: kind, key: long, bytes: []))
      }
      change.documents.append(Document(kind: .batch, key: "gone", bytes: [1]))
      try scene.write(change)
      change = scene.change(.relaxed)
      change.documents = [
        Document(kind: .batch, key: "gone", bytes: nil), Document(kind: .limit, key: "never was", bytes: nil),
        Document(kind: .setting, key: "same", bytes: Array(repeating: 7, count: 70_000)),
      ]
      try scene.write(change)
      try checkDocuments(scene, long: long)
      if try scene.reopen(crash: false) { try checkDocuments(scene, long: long) }
    },
    StorageCase("keys that final jobs hold are loaded with the time that ends the hold") { harness in
      let scene = try StorageScene(harness)
      func unique(_ key: String, _ holdFor: Interval?) -> NewJob {
        NewJob(queue: "q", name: "a", options: JobOptions(unique: Uniqueness(key: key, holdFor: holdFor)))
      }
      let waiting = unique("waiting", .hours(5))
      try scene.put(waiting)
      let ended = unique("ended", nil)
      try scene.put(ended, standing: scene.final())
      let held = try scene.put(unique("held", .hours(5)), standing: scene.final())
      let later = try scene.put(unique("later", .hours(6)))
      let retried = try scene.put(unique("retried", .hours(5)), standing: scene.final(.dead))
      var change = scene.change()
      scene.move(later, to: scene.final(.canceled), in: &change)
      scene.move(retried, to: retried.untouched, in: &change)
      try scene.write(change)
      let expected: Set<LoadedState.Hold> = [
        .init(queue: "q", key: "held", seq: held.seq, until: scene.now + .hours(5)),
        .init(queue: "q", key: "later", seq: later.seq, until: scene.now + .hours(6)),
      ]
      #expect(try scene.load().holds == expected)
      if try scene.reopen(crash: false) { #expect(try scene.load().holds == expected) }
    },
    StorageCase("a key that is not held any longer leaves no hold behind when its job was replaced on the way") {
      harness in
      let scene = try StorageScene(harness)
      func unique(_ key: String, _ holdFor: Interval?) -> NewJob {
        NewJob(
          queue: "q", name: "a", options: JobOptions(unique: Uniqueness(key: key, holdFor: holdFor), batchID: "b"),
          body: [1])
      }
      func replaced(_ head: JobHead, _ standing: JobStanding? = nil) -> JobChange {
        let job = NewJob(
          id: head.job.id, queue: "q", name: "new", runAt: scene.now,
          options: JobOptions(unique: head.job.options.unique.map { Uniqueness(key: $0.key) }))
        let new = JobHead(seq: head.seq, job: job, isChosen: false, createdAt: head.createdAt)
        return JobChange(head: new, standing: standing ?? new.untouched, isNew: false, body: [2])
      }
      // Each was over and held its key; then it was retried and replaced by one without a hold, at once or one after the other.
      let heads = try ["together", "apart", "over again", "gone", "gone at once"].map { key in
        try scene.put(unique(key, .hours(5)), standing: scene.final(.dead))
      }
      #expect(try scene.load().holds.count == 5)
      var first = scene.change()
      first.jobs.append(replaced(heads[0]))
      scene.move(heads[1], to: heads[1].untouched, in: &first)
      first.jobs.append(replaced(heads[2], scene.final(.canceled)))
      first.jobs.append(replaced(heads[3]))
      first.forgotten.append(
        ForgottenJob(head: replaced(heads[4]).head, state: .dead, isReplaced: true))
      var second = scene.change()
      second.jobs.append(replaced(heads[1]))
      second.forgotten.append(ForgottenJob(head: replaced(heads[3]).head, state: .ready))
      try scene.write(first, second)
      try scene.check()
      #expect(try scene.load().holds.isEmpty)
      var query = JobQuery()
      query.batchID = "b"
      #expect(try scene.list(query).isEmpty)
      if try scene.reopen(crash: false) {
        try scene.check()
        #expect(try scene.load().holds.isEmpty)
      }
    },
    StorageCase("chosen ids are loaded, also those of final jobs") { harness in
      let scene = try StorageScene(harness)
      let a = try scene.put(NewJob(id: "a", name: "a"))
      try scene.put(NewJob(name: "a"))
      let b = try scene.put(NewJob(id: "b", name: "a"), standing: scene.final())
      // One that looks like those that are made.
      let like = JobID.make(seq: 77, at: scene.now, salt: scene.salt)
      let c = try scene.put(NewJob(id: like, name: "a"))
      #expect(try scene.load().chosen == ["a": a.seq, "b": b.seq, like: c.seq])
      #expect(try scene.storage.reader.job(id: like)?.seq == c.seq)
      if try scene.reopen(crash: false) {
        #expect(try scene.load().chosen == ["a": a.seq, "b": b.seq, like: c.seq])
      }
    },
    StorageCase("the next seq is kept when the newest jobs are gone, or none was written") { harness in
      let scene = try StorageScene(harness)
      let head = try scene.put(NewJob(name: "a"), standing: scene.final())
      scene.nextSeq = 50
      var change = scene.change()
      change.forgotten = [ForgottenJob(head: head, state: .succeeded)]
      try scene.write(change)
      #expect(try scene.load().nextSeq == 50)
      if try scene.reopen(crash: false) { #expect(try scene.load().nextSeq == 50) }
    },
  ]
}

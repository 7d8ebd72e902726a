import Jobs
import Testing

extension StorageConformance {
  static let rowCases: [StorageCase] = [
    StorageCase("rows come in the order asked for, with bodies or without") { harness in
      let scene = try StorageScene(harness)
      let a = try scene.put(NewJob(name: "a", body: [1]), carried: JobCarried(cancelReason: "r"))
      let b = try scene.put(NewJob(id: "b", name: "b", body: [2, 2]))
      let rows = scene.storage.rows
      let found = try rows.jobs([b.seq, 99, a.seq, b.seq], bodies: true)
      #expect(found.map { $0?.seq } == [b.seq, nil, a.seq, b.seq])
      #expect(found.map { $0?.body } == [[2, 2], nil, [1], [2, 2]])
      #expect(found[2]?.carried.cancelReason == "r")
      #expect(try rows.jobs([a.seq], bodies: false)[0]?.body == [])
      #expect(try rows.jobs([a.seq], bodies: false)[0]?.carried.cancelReason == "r")
      #expect(try rows.jobs([], bodies: true).isEmpty)
      #expect(try rows.jobs(ids: ["nobody", "b"]).map { $0?.seq } == [nil, b.seq])
      // Ids that were made lead to their seq by themselves.
      #expect(try rows.jobs(ids: [a.job.id])[0] == nil)
      let many = (1...700).map { _ in a.seq }
      #expect(try rows.jobs(many, bodies: true).compactMap { $0?.seq } == many)
    },
    StorageCase("final jobs expire in the order of their times, whatever became of them before") { harness in
      let scene = try StorageScene(harness)
      var heads: [JobHead] = []
      for index in 0..<20 {
        heads.append(
          try scene.put(
            NewJob(name: "a"), standing: scene.final(.dead, expires: scene.now + .seconds(Int64(index * 7 % 20)))))
      }
      try scene.put(NewJob(name: "waits"))
      func expired(_ seconds: Int64, _ limit: Int = 100) throws -> ([Int64], Timestamp?) {
        let found = try scene.storage.rows.expired(by: scene.now + .seconds(seconds), limit: limit)
        #expect(found.jobs.allSatisfy { $0.body.isEmpty && $0.standing.state == .dead })
        return (found.jobs.map { ($0.standing.expires - scene.now).microseconds / 1_000_000 }, found.next)
      }
      #expect(try expired(-1) == ([], scene.now))
      #expect(try expired(4) == ([0, 1, 2, 3, 4], scene.now + .seconds(5)))
      #expect(try expired(100, 3) == ([0, 1, 2], scene.now + .seconds(3)))
      #expect(try expired(100) == (Array(0..<20), nil))
      // 0 is forgotten, 1 is retried, 2 ends anew, later.
      let byTime = heads.enumerated().sorted { $0.offset * 7 % 20 < $1.offset * 7 % 20 }.map(\.element)
      var change = scene.change()
      change.forgotten = [ForgottenJob(head: byTime[0], state: .dead)]
      scene.move(byTime[1], to: byTime[1].untouched, in: &change)
      scene.move(byTime[2], to: scene.final(.dead, expires: scene.now + .seconds(50)), in: &change)
      try scene.write(change)
      #expect(try expired(4) == ([3, 4], scene.now + .seconds(5)))
      #expect(try expired(100) == (Array(3..<20) + [50], nil))
      if try scene.reopen(crash: false) { #expect(try expired(100) == (Array(3..<20) + [50], nil)) }
    },
    StorageCase("jobs that match are given without what is only carried") { harness in
      let scene = try StorageScene(harness)
      for index in 0..<30 {
        try scene.put(
          NewJob(queue: index % 2 == 0 ? "even" : "odd", name: "a", body: [1]),
          standing: index % 3 == 0 ? scene.final() : nil, carried: JobCarried(result: [1, 2]))
      }
      var query = JobQuery()
      query.queue = "even"
      query.states = [.succeeded]
      query.limit = 3
      var found: [Int64] = []
      var pages = 0
      while true {
        let page = try scene.storage.rows.jobs(matching: query)
        #expect(page.jobs.count <= 3)
        #expect(page.jobs.allSatisfy { $0.body.isEmpty && $0.carried.result.isEmpty })
        found += page.jobs.map(\.seq)
        pages += 1
        guard let next = page.next, pages < 50 else { break }
        query.before = next
      }
      #expect(found == stride(from: Int64(25), through: 1, by: -6).map { $0 })
    },
    StorageCase("a damaged body is known as damaged, the rest of the job is there") { harness in
      let scene = try StorageScene(harness)
      let good = try scene.put(NewJob(name: "a", body: Array(repeating: 1, count: 300)))
      let bad = try scene.put(NewJob(name: "b", body: Array(repeating: 2, count: 300)))
      guard try scene.harness.damageBody(seq: bad.seq, in: scene.storage) else { return }
      let found = try scene.storage.rows.jobs([good.seq, bad.seq], bodies: true)
      #expect(found.map { $0?.isDamaged } == [false, true])
      #expect(found[1]?.head.job.name == "b")
      // A new body mends it.
      let head = JobHead(seq: bad.seq, job: bad.job, isChosen: false, createdAt: bad.createdAt)
      var change = scene.change()
      change.jobs.append(JobChange(head: head, standing: head.untouched, isNew: false, body: [3]))
      try scene.write(change)
      let mended = try scene.storage.rows.jobs([bad.seq], bodies: true)[0]
      #expect(mended?.isDamaged == false && mended?.body == [3])
    },
  ]
}

import Jobs
import Testing

extension StorageConformance {
  /// Two servers at one place; nil: this kind of storage has no second.
  private static func two(_ harness: any StorageHarness) throws -> (StorageScene, any Storage, any Leadership)? {
    let scene = try StorageScene(harness)
    guard scene.storage.leadership != nil else { return nil }
    let other = try #require(try harness.another(), "a storage with leadership has more than one server")
    return (scene, other, try #require(other.leadership))
  }

  private static func record(_ id: String, at now: Timestamp) -> ServerRecord {
    ServerRecord(id: id, address: "\(id).example:7000", version: "1.2.3", startedAt: now, lastSeenAt: now, workers: 7)
  }

  static let leadershipCases: [StorageCase] = [
    StorageCase("one leads at a time, and its right ends with its term") { harness in
      guard let (scene, _, other) = try two(harness) else { return }
      let leader = try #require(scene.storage.leadership)
      try leader.announce(record("scene", at: scene.now))
      let term = Interval.seconds(5)
      #expect(
        try other.seek("other", term: term) == .elsewhere(serverID: "scene", address: "scene.example:7000"))
      try harness.pass(.seconds(3))
      try leader.renew("scene", epoch: scene.epoch)
      try harness.pass(.seconds(3))
      guard case .elsewhere = try other.seek("other", term: term) else {
        Issue.record("a renewed right was taken")
        return
      }
      try harness.pass(.seconds(6))
      guard case .here(let epoch) = try other.seek("other", term: term) else {
        Issue.record("a lapsed right was not given")
        return
      }
      #expect(epoch > scene.epoch)
      #expect(scene.kind { try leader.renew("scene", epoch: scene.epoch) } == .deposed)
      try other.renew("other", epoch: epoch)
    },
    StorageCase("who was deposed writes and loads nothing more") { harness in
      guard let (scene, storage, other) = try two(harness) else { return }
      try scene.put(NewJob(id: "kept", name: "a"))
      try harness.pass(.seconds(60))
      guard case .here(let epoch) = try other.seek("other", term: .seconds(5)) else {
        Issue.record("a lapsed right was not given")
        return
      }
      var change = ChangeSet(number: 2, now: scene.now, durability: .synced)
      let head = JobHead(seq: 2, job: NewJob(id: "late", name: "a"), isChosen: true, createdAt: scene.now)
      change.jobs = [JobChange(head: head, standing: head.untouched, isNew: true, body: [])]
      #expect(scene.kind { try scene.storage.write([change], epoch: scene.epoch) } == .deposed)
      #expect(scene.kind { try scene.storage.load(scene.epoch, into: LoadedState()) } == .deposed)
      #expect(scene.kind { try scene.storage.rows.check(scene.epoch) } == .deposed)
      let state = LoadedState()
      try storage.load(epoch, into: state)
      #expect(state.lastNumber == 0 && state.nextSeq == 2 && state.chosen == ["kept": 1])
      change.number = 1
      change.nextSeq = 3
      try storage.write([change], epoch: epoch)
      #expect(try storage.reader.job(id: "late") != nil)
    },
    StorageCase("who resigns need not be waited for") { harness in
      guard let (scene, _, other) = try two(harness) else { return }
      let leader = try #require(scene.storage.leadership)
      try leader.resign("scene", epoch: scene.epoch)
      guard case .here(let epoch) = try other.seek("other", term: .seconds(5)) else {
        Issue.record("a right given up was not given")
        return
      }
      #expect(epoch > scene.epoch)
      // Somebody else's right is not given up.
      try leader.resign("scene", epoch: scene.epoch)
      guard case .elsewhere(serverID: "other", _) = try leader.seek("scene", term: .seconds(5)) else {
        Issue.record("an old leader gave up a new one's right")
        return
      }
    },
    StorageCase("who leads and seeks again begins a new epoch") { harness in
      guard let (scene, _, _) = try two(harness) else { return }
      let leader = try #require(scene.storage.leadership)
      guard case .here(let epoch) = try leader.seek("scene", term: .seconds(5)) else {
        Issue.record("refused its own right")
        return
      }
      #expect(epoch > scene.epoch)
      #expect(scene.kind { try leader.renew("scene", epoch: scene.epoch) } == .deposed)
    },
    StorageCase("servers are there as long as they say so") { harness in
      guard let (scene, _, other) = try two(harness) else { return }
      let leader = try #require(scene.storage.leadership)
      #expect(try leader.servers().isEmpty)
      try leader.announce(record("scene", at: scene.now))
      try other.announce(record("other", at: scene.now))
      let servers = try other.servers()
      #expect(servers.map(\.id) == ["other", "scene"])
      #expect(servers.map(\.leads) == [false, true])
      #expect(servers[1].address == "scene.example:7000" && servers[1].version == "1.2.3" && servers[1].workers == 7)
      try other.leave("other")
      #expect(try leader.servers().map(\.id) == ["scene"])
      try harness.pass(.seconds(11))
      #expect(try leader.servers().isEmpty)
    },
    StorageCase("the secret is one for all servers") { harness in
      guard let (scene, _, other) = try two(harness) else { return }
      let secret = try scene.storage.leadership?.secret()
      #expect(try other.secret() == secret && (secret?.count ?? 0) >= 16)
    },
  ]
}

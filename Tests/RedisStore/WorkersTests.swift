import Glibc
import Jobs
import RedisStore
import Support
import Testing

/// What the servers of one Redis know of each other's workers.
@Suite(.needsRedis, .serialized, .aside) struct RedisWorkersTests {
  private func worker(_ id: String) -> WorkerView {
    WorkerView(
      workerID: id, serverID: "server of \(id)", queues: ["q", "p*"], names: ["n", "ü"], maxInFlight: 7, running: 3,
      lostTotal: 1, succeededTotal: 1 << 40, failedTotal: 2, draining: true,
      connectedAt: Timestamp(seconds: 1_700_000_000), lastSeenAt: Timestamp(microseconds: 1_700_000_001_234_567),
      address: "127.0.0.1:1", labels: ["host": "h", "pid": "1"])
  }

  @Test func eachServerSeesTheWorkersOfTheOthersAsTheyAre() throws {
    let scene = try RedisScene()
    let a = try scene.open()
    let b = try scene.open()
    #expect(try a.workersElsewhere().isEmpty)
    try a.publish([worker("w1"), worker("w2")], arrived: [])
    try b.publish([worker("w3")], arrived: [])
    let seen = try b.workersElsewhere()
    #expect(seen.map(\.workerID) == ["w1", "w2"])
    #expect(seen[0] == worker("w1"))
    #expect(try a.workersElsewhere().map(\.workerID) == ["w3"])
    try a.publish([], arrived: [])
    #expect(try b.workersElsewhere().isEmpty)
    try a.publish([worker("w1")], arrived: [])
    try a.close()
    #expect(try b.workersElsewhere().isEmpty, "who closes takes its workers along")
  }

  @Test func theWorkersOfAServerThatDiedAreGoneAfterThreeSeconds() throws {
    let scene = try RedisScene()
    let b = try scene.open()
    let a = try scene.open { $0.beat = .seconds(3600) }
    try a.publish([worker("w1")], arrived: [])
    #expect(try b.workersElsewhere().count == 1)
    let start = ContinuousClock.now
    #expect(scene.wait { (try? b.workersElsewhere().isEmpty) == true })
    #expect(start.duration(to: .now) > .seconds(1), "not at its first hiccup")
  }

  @Test func arrivalsAndDrainsAreToldToTheOthersAlone() throws {
    let scene = try RedisScene()
    let a = try scene.open { $0.beat = .seconds(3600) }
    let other = RedisScene(onRedisOf: scene)
    let b = try other.open { $0.beat = .seconds(3600) }
    let at = Timestamp(microseconds: 1_700_000_001_234_567)
    // Said until it is heard: a store that has just been opened does not listen yet.
    #expect(
      scene.wait {
        try? a.publish([worker("w1")], arrived: [("w1", at)])
        return other.hasHeard { if case .arrived("w1", at) = $0 { true } else { false } }
      })
    #expect(
      scene.wait {
        try? b.drainElsewhere("w1")
        return scene.hasHeard { if case .drain("w1") = $0 { true } else { false } }
      })
    #expect(!scene.hasHeard { if case .arrived = $0 { true } else { false } })
    #expect(!other.hasHeard { if case .drain = $0 { true } else { false } })
  }
}

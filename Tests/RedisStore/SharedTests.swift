import Glibc
import Jobs
import RedisStore
import Support
import Synchronization
import Testing

@Suite(.needsRedis, .serialized, .aside) struct RedisSharedTests {
  @Test func aJobEnqueuedAtOneServerWakesTheOther() throws {
    let scene = try RedisScene()
    let a = try scene.open()
    let b = try scene.open { $0.beat = .seconds(3600) }
    let filter = ClaimFilter(queues: [QueuePattern("q")])
    #expect(!b.mayHaveReady(filter))
    let id = try scene.add(a, NewJob(queue: "q", name: "a"))
    #expect(scene.waitForSignal { if case .ready("q") = $0 { true } else { false } })
    #expect(b.mayHaveReady(filter))
    #expect(try scene.take(b).map(\.lease.jobID) == [id])
  }

  @Test func whatNoSignalToldIsFoundByTheBeat() throws {
    let scene = try RedisScene()
    let a = try scene.open()
    let b = try scene.open()
    scene.redis.ask("CLIENT", "KILL", "TYPE", "pubsub")
    _ = try scene.insist { try scene.add(a, NewJob(queue: "q", name: "a")) }
    #expect(scene.wait { b.mayHaveReady(ClaimFilter(queues: [QueuePattern("q")])) })
  }

  @Test func everyServerSeesAllEventsWithoutAGap() throws {
    let scene = try RedisScene()
    let a = try scene.open()
    let b = try scene.open()
    var seen: [[Event]] = [[], []]
    for round in 0..<20 {
      _ = try a.enqueue([EnqueueGroup(jobs: [NewJob(name: "a"), NewJob(name: "b")])], now: scene.now)
      _ = try b.enqueue([EnqueueGroup(jobs: [NewJob(name: "c")])], now: scene.now)
      if round % 3 == 0 { seen[0] += try a.commit(.synced) }
      if round % 2 == 0 { seen[1] += try b.commit(.synced) }
    }
    for (index, store) in [a, b].enumerated() {
      #expect(
        scene.wait {
          seen[index] += (try? store.commit(.synced)) ?? []
          return seen[index].count >= 60
        })
      #expect(seen[index].map(\.cursor) == Array(1...60))
    }
    #expect(seen[0] == seen[1])
  }

  @Test func aCancellationIsToldToTheOthers() throws {
    let scene = try RedisScene()
    let a = try scene.open()
    let b = try scene.open()
    _ = try scene.add(a)
    let job = try #require(try scene.take(a).first)
    _ = try b.control([.cancel(jobID: job.lease.jobID, reason: "enough")], now: scene.now)
    #expect(scene.waitForSignal { if case .cancel(job.lease, "enough") = $0 { true } else { false } })
  }

  @Test func aDeadServersLeasesAreReclaimedOnceByAnother() throws {
    let scene = try RedisScene()
    let a = try scene.open()
    let b = try scene.open()
    _ = try scene.add(a)
    let job = try #require(try scene.take(a, lease: .milliseconds(300)).first)
    let end = scene.now + .milliseconds(300)
    try a.close()
    #expect(scene.wait { b.nextDue != nil }, "the other hears when it is due")
    #expect(scene.wait { scene.now > end })
    let lapsed = try b.reclaim(now: scene.now, limit: 10)
    #expect(lapsed.map(\.lease) == [job.lease])
    #expect(try b.reclaim(now: scene.now, limit: 10).isEmpty)
    let again = try #require(try scene.take(b).first)
    #expect(again.attempt == 2)
    #expect(try b.settle([Settlement(lease: job.lease, outcome: .succeeded(result: []))], now: scene.now) == [.notHeld])
  }

  /// Total queue: what was enqueued is ended exactly once, and nothing else is.
  @Test func racingServersNeverShareAJob() throws {
    let scene = try RedisScene(["--appendfsync", "everysec"])
    let stores = try (0..<2).map { _ in try scene.open() }
    let jobs = 3000
    let tallies = Mutex<(added: Set<String>, taken: [String: Int], settled: Int)>(([], [:], 0))
    let threads = stores.enumerated().map { index, store in
      TestThread { [now = RedisScene.now] in
        var added = 0
        while tallies.withLock({ $0.settled < jobs * 2 }) {
          if added < jobs {
            let group = EnqueueGroup(jobs: (0..<50).map { _ in NewJob(queue: "q\(index)", name: "n") })
            guard let results = try? store.enqueue([group], now: now()) else { break }
            added += 50
            tallies.withLock { tallies in
              for case .stored(let id, _, _) in results { tallies.added.insert(id) }
            }
          }
          let request = ClaimRequest(
            filters: [ClaimFilter(queues: [QueuePattern("*")])],
            workers: [ClaimRequest.Worker(id: "w\(index)", leaseUntil: now() + .seconds(30))],
            slots: Array(repeating: ClaimRequest.Slot(worker: 0, filter: 0), count: 37))
          guard let claimed = try? store.claim(request, now: now()).jobs else { break }
          let results =
            (try? store.settle(
              claimed.map { Settlement(lease: $0.lease, outcome: .succeeded(result: [])) }, now: now())) ?? []
          _ = try? store.commit(.synced)
          tallies.withLock { tallies in
            for job in claimed { tallies.taken[job.lease.jobID, default: 0] += 1 }
            tallies.settled += results.count { $0 == .settled(.succeeded) }
          }
        }
      }
    }
    threads.forEach { $0.join() }
    let result = tallies.withLock { $0 }
    #expect(result.added.count == jobs * 2)
    #expect(Set(result.taken.keys) == result.added)
    #expect(result.taken.values.allSatisfy { $0 == 1 })
    #expect(result.settled == jobs * 2)
  }
}

/// A thread of a test.
///
/// @unchecked: the handle is written in init and read in join.
private final class TestThread: @unchecked Sendable {
  private var handle = pthread_t()
  private final class Body {
    let run: () -> Void
    init(_ run: @escaping () -> Void) { self.run = run }
  }

  init(_ run: @escaping () -> Void) {
    let body = Unmanaged.passRetained(Body(run)).toOpaque()
    pthread_create(
      &handle, nil,
      { pointer in
        if let pointer { Unmanaged<Body>.fromOpaque(pointer).takeRetainedValue().run() }
        return nil
      }, body)
  }

  func join() { pthread_join(handle, nil) }
}

import Glibc
import Jobs
import Support
import Testing

@testable import SQLiteStore

@Suite(.aside) struct CrashTests {
  @Test func aTornLogLeavesAWholeTick() throws {
    let folder = TemporaryFolder()
    let path = folder.path + "/store"
    var now = Timestamp(seconds: 1_700_000_000)
    let store = try SQLiteStore.open(path: path, now: now, salt: 1)
    for _ in 0..<40 {
      now = now + .seconds(1)
      _ = try store.enqueue([EnqueueGroup(jobs: [NewJob(name: "a"), NewJob(name: "b", body: [1, 2, 3])])], now: now)
      let request = ClaimRequest(
        filters: [ClaimFilter(queues: [QueuePattern("*")])],
        workers: [ClaimRequest.Worker(id: "w", leaseUntil: now + .seconds(30))],
        slots: [ClaimRequest.Slot(worker: 0, filter: 0)])
      for job in try store.claim(request, now: now).jobs {
        _ = try store.settle([Settlement(lease: job.lease, outcome: .succeeded(result: [9]))], now: now)
      }
      _ = try store.commit(.synced)
    }
    let log = try TemporaryFolder.read(path + "/gkick.db-wal")
    var random = SeededGenerator(seed: 7)
    var cursors: Set<Int64> = []
    for attempt in 0..<24 {
      let copy = folder.path + "/copy-\(attempt)"
      try TemporaryFolder.copy(path, to: copy)
      var torn = log
      let place = Int.random(in: 0..<log.count, using: &random)
      if attempt % 2 == 0 { torn.removeSubrange(place...) } else { torn[place] ^= 0x40 }
      try TemporaryFolder.write(torn, to: copy + "/gkick.db-wal")
      let reopened = try SQLiteStore.open(path: copy, now: now)
      try checkStory(reopened)
      cursors.insert(reopened.lastEventCursor)
      _ = try reopened.enqueue([EnqueueGroup(jobs: [NewJob(name: "a")])], now: now)
      _ = try reopened.commit(.synced)
      try checkStory(reopened)
      try reopened.close()
    }
    #expect(cursors.count > 5, "the log was torn in different places")
    try store.close()
  }
}

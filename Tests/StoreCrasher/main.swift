// Works on the embedded store in the folder given as argument until it is killed, and tells on standard output what was
// acknowledged: "enqueued ID" and "done ID" after the commit that says so.

import Glibc
import Jobs
import SQLiteStore

func wallClock() -> Timestamp {
  var time = timespec()
  unsafe clock_gettime(CLOCK_REALTIME, &time)
  return Timestamp(microseconds: Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000)
}

func say(_ lines: String) {
  var lines = lines
  lines.withUTF8 { bytes in _ = unsafe write(1, bytes.baseAddress, bytes.count) }
}

func work(in folder: String) throws(StoreError) {
  let store = try SQLiteStore.open(path: folder, now: wallClock())
  var settlements: [Settlement] = []
  while true {
    let now = wallClock()
    let settled = try store.settle(settlements, now: now)
    _ = try store.reclaim(now: now, limit: 10)
    let results = try store.enqueue(
      (0..<7).map { _ in
        EnqueueGroup(jobs: [NewJob(name: "work", payloadSize: 100, body: Array(repeating: 1, count: 100))])
      },
      now: now)
    _ = try store.promote(now: now, limit: 100)
    let claimed = try store.claim(
      ClaimRequest(
        filters: [ClaimFilter(queues: [QueuePattern("*")])],
        workers: [ClaimRequest.Worker(id: "w", leaseUntil: now + .seconds(30))],
        slots: Array(repeating: ClaimRequest.Slot(worker: 0, filter: 0), count: 5)), now: now)
    _ = try store.commit(.synced)
    var lines = ""
    for case .stored(let id, _, _) in results { lines += "enqueued \(id)\n" }
    for (settlement, result) in zip(settlements, settled) where result == .settled(.succeeded) {
      lines += "done \(settlement.lease.jobID)\n"
    }
    say(lines)
    settlements = claimed.jobs.map { Settlement(lease: $0.lease, outcome: .succeeded(result: [1])) }
  }
}

do {
  try work(in: CommandLine.arguments[1])
} catch {
  say("failed \(error)\n")
}

// What one job's whole life costs the embedded store, what a waiting job takes in memory, and how long a start takes.
//
//     swift run -c release store-benchmark [jobs] [batch] [waiting] [folder]
//
// jobs: lives measured (200000); batch: enqueues, claims and outcomes per tick, each (100); waiting: jobs that wait all the while (0);
// folder: where the store is made, removed afterwards (./store-benchmark-data).

import Glibc
import Jobs
import SQLiteStore

func number(_ index: Int, _ value: Int) -> Int {
  CommandLine.arguments.count > index ? Int(CommandLine.arguments[index]) ?? value : value
}

let jobs = number(1, 200_000)
let batch = number(2, 100)
let waiting = number(3, 0)
let folder = CommandLine.arguments.count > 4 ? CommandLine.arguments[4] : "./store-benchmark-data"

func wallClock() -> Timestamp {
  var time = timespec()
  unsafe clock_gettime(CLOCK_REALTIME, &time)
  return Timestamp(microseconds: Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000)
}

/// CPU time of the process, in microseconds.
func cpu() -> Double {
  var time = timespec()
  unsafe clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
  return Double(time.tv_sec) * 1e6 + Double(time.tv_nsec) / 1e3
}

/// Resident bytes that are not files'.
func resident() -> Int {
  guard let file = unsafe fopen("/proc/self/status", "r") else { return 0 }
  defer { unsafe fclose(file) }
  var line = [CChar](repeating: 0, count: 256)
  while unsafe fgets(&line, 256, file) != nil {
    let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    if text.hasPrefix("RssAnon:") { return (Int(text.filter(\.isNumber)) ?? 0) * 1_024 }
  }
  return 0
}

func remove() {
  for name in ["gkick.db", "gkick.db-wal", "gkick.db-shm", "lock"] { unsafe unlink(folder + "/" + name) }
  unsafe rmdir(folder)
}

func report(_ what: String, _ value: Double, _ unit: String) {
  let rounded = (value * 100).rounded() / 100
  print("\(what): \(rounded) \(unit)")
}

let payload = [UInt8](repeating: 7, count: 200)
func newJobs(_ count: Int) -> [EnqueueGroup] {
  (0..<count).map { _ in
    EnqueueGroup(jobs: [NewJob(queue: "default", name: "email.send", payloadSize: payload.count, body: payload)])
  }
}

func run() throws(StoreError) {
  remove()
  var store = try SQLiteStore.open(path: folder, now: wallClock())
  let request = ClaimRequest(
    filters: [ClaimFilter(queues: [QueuePattern("default")])],
    workers: (0..<8).map {
      ClaimRequest.Worker(id: "worker-\($0)", leaseUntil: wallClock() + .hours(1), holdsNothing: false)
    },
    slots: (0..<batch).map { ClaimRequest.Slot(worker: $0 % 8, filter: 0) })

  if waiting > 0 {
    let before = resident()
    var left = waiting
    while left > 0 {
      let count = min(left, 500)
      _ = try store.enqueue(newJobs(count), now: wallClock())
      _ = try store.commit(.relaxed)
      left -= count
    }
    try store.close()
    let start = wallClock()
    let used = cpu()
    store = try SQLiteStore.open(path: folder, now: wallClock())
    report("start with \(waiting) waiting jobs", (wallClock() - start).seconds, "s")
    report("  CPU", (cpu() - used) / 1e6, "s")
    let after = resident()
    // With what SQLite caches, at most 16 MB: an upper bound when jobs are many.
    report("memory per waiting job", Double(after - before) / Double(waiting), "bytes")
    report("  less SQLite's cache of 16 MB", Double(after - before - 16_384_000) / Double(waiting), "bytes")
  }

  let groups = newJobs(batch)
  var settlements: [Settlement] = []
  var done = 0
  var longest = 0.0
  var parts = [0.0, 0, 0, 0]
  let start = wallClock()
  let used = cpu()
  while done < jobs {
    let now = wallClock()
    defer { longest = max(longest, (wallClock() - now).seconds) }
    var mark = cpu()
    func lap(_ part: Int) {
      let time = cpu()
      parts[part] += time - mark
      mark = time
    }
    let results = try store.settle(settlements, now: now)
    done += results.count
    lap(0)
    _ = try store.enqueue(groups, now: now)
    lap(1)
    let claimed = try store.claim(request, now: now).jobs
    settlements = claimed.map { Settlement(lease: $0.lease, outcome: .succeeded(result: [])) }
    lap(2)
    _ = try store.commit(.synced)
    lap(3)
  }
  let total = cpu() - used
  report("CPU per job's life, \(batch) per tick, synced", total / Double(done), "us")
  for (index, name) in ["settle", "enqueue", "claim", "commit"].enumerated() {
    report("  \(name)", parts[index] / Double(done), "us")
  }
  report("jobs per second", Double(done) / (wallClock() - start).seconds, "/s")
  report("longest tick", longest * 1e3, "ms")
  try store.close()
}

do {
  try run()
} catch {
  print("failed: \(error)")
  remove()
  exit(1)
}
remove()

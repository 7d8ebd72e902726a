// What one job's whole life costs Redis and the server, and how soon a job enqueued at one server starts at another.
// Started by Benchmarks/redis/run, which starts a Redis of its own:
//
//     redis-store-benchmark life URL REDIS-PID JOBS BATCH SERVERS
//     redis-store-benchmark latency URL ROUNDS

import Glibc
import Jobs
import RedisStore
import Synchronization

func wallClock() -> Timestamp {
  var time = timespec()
  unsafe clock_gettime(CLOCK_REALTIME, &time)
  return Timestamp(microseconds: Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000)
}

/// CPU time of this process, in microseconds.
func ownCPU() -> Double {
  var time = timespec()
  unsafe clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
  return Double(time.tv_sec) * 1e6 + Double(time.tv_nsec) / 1e3
}

/// CPU time of another process, user and system, in microseconds (to 10 ms).
func cpu(of pid: Int) -> Double {
  guard let file = unsafe fopen("/proc/\(pid)/stat", "r") else { return 0 }
  defer { unsafe fclose(file) }
  var line = [CChar](repeating: 0, count: 1024)
  guard unsafe fgets(&line, 1024, file) != nil else { return 0 }
  let fields = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self).split(
    separator: " ")
  guard fields.count > 14, let user = Double(fields[13]), let system = Double(fields[14]) else { return 0 }
  return (user + system) * 1e6 / Double(sysconf(Int32(_SC_CLK_TCK)))
}

func report(_ what: String, _ value: Double, _ unit: String) {
  print("\(what): \((value * 100).rounded() / 100) \(unit)")
}

let arguments = CommandLine.arguments
func number(_ index: Int, _ value: Int) -> Int { arguments.count > index ? Int(arguments[index]) ?? value : value }

let payload = [UInt8](repeating: 7, count: 200)
func newJobs(_ count: Int) -> [EnqueueGroup] {
  (0..<count).map { _ in
    EnqueueGroup(jobs: [NewJob(queue: "default", name: "email.send", payloadSize: payload.count, body: payload)])
  }
}

/// Ticks of several servers in turn, each with enqueues, claims and outcomes; finished jobs are forgotten at once.
func life(_ url: RedisURL, pid: Int, jobs: Int, batch: Int, servers: Int) throws(StoreError) {
  var terms = StoreConfiguration()
  terms.retention = .seconds(1)
  terms.eventRetention = .seconds(1)
  var stores: [RedisStore] = []
  for _ in 0..<servers { stores.append(try RedisStore.open(url: url, configuration: terms, now: wallClock)) }
  let groups = newJobs(batch)
  var settlements = [[Settlement]](repeating: [], count: servers)
  var prunes = [Timestamp](repeating: .distantPast, count: servers)
  var done = 0
  var index = 0
  let start = wallClock()
  let used = (ownCPU(), cpu(of: pid))
  while done < jobs {
    let store = stores[index]
    let now = wallClock()
    done += try store.settle(settlements[index], now: now).count
    _ = try store.enqueue(groups, now: now)
    let request = ClaimRequest(
      filters: [ClaimFilter(queues: [QueuePattern("default")])],
      workers: (0..<8).map {
        ClaimRequest.Worker(id: "worker-\($0)", leaseUntil: now + .seconds(30), holdsNothing: false)
      },
      slots: (0..<batch).map { ClaimRequest.Slot(worker: $0 % 8, filter: 0) })
    let claimed = try store.claim(request, now: now).jobs
    settlements[index] = claimed.map { Settlement(lease: $0.lease, outcome: .succeeded(result: [])) }
    if prunes[index] <= now { prunes[index] = try store.prune(now: now, limit: 1000) }
    _ = try store.commit(.synced)
    index = (index + 1) % servers
  }
  let spent = (ownCPU() - used.0, cpu(of: pid) - used.1)
  let name = "\(servers) server\(servers == 1 ? "" : "s"), \(batch) jobs per tick"
  report("\(name): Redis CPU per job's life", spent.1 / Double(done), "us")
  report("\(name): servers' CPU per job's life", spent.0 / Double(done), "us")
  report("\(name): round trips per job", Double(stores.reduce(0) { $0 + $1.roundTrips }) / Double(done), "")
  report("\(name): jobs per second", Double(done) / (wallClock() - start).seconds, "/s")
  for store in stores { try store.close() }
}

/// One job at a time: enqueued and committed at A; B hears of it, claims it, and commits.
func latency(_ url: RedisURL, rounds: Int) throws(StoreError) {
  let heard = Mutex(0)
  let a = try RedisStore.open(url: url, now: wallClock)
  let b = try RedisStore.open(
    url: url, now: wallClock,
    signal: { signal in if case .ready = signal { heard.withLock { $0 += 1 } } })
  let filter = ClaimFilter(queues: [QueuePattern("default")])
  var times: [Int64] = []
  for round in 0..<rounds {
    let before = heard.withLock { $0 }
    let start = wallClock()
    _ = try a.enqueue(newJobs(1), now: start)
    while heard.withLock({ $0 }) == before, (wallClock() - start).microseconds < 100_000 { sched_yield() }
    let now = wallClock()
    let jobs = try b.claim(
      ClaimRequest(
        filters: [filter], workers: [ClaimRequest.Worker(id: "w", leaseUntil: now + .seconds(30))],
        slots: [ClaimRequest.Slot(worker: 0, filter: 0)]), now: now
    ).jobs
    let end = wallClock()
    guard jobs.count == 1 else { continue }
    if round >= rounds / 10 { times.append((end - start).microseconds) }
    _ = try b.settle(jobs.map { Settlement(lease: $0.lease, outcome: .succeeded(result: [])) }, now: end)
    _ = try a.commit(.synced)
    _ = try b.commit(.synced)
    // As idle servers are.
    usleep(2_000)
  }
  times.sort()
  guard !times.isEmpty else { return }
  report("enqueue at A to started at B, p50", Double(times[times.count / 2]), "us")
  report("enqueue at A to started at B, p99", Double(times[times.count * 99 / 100]), "us")
  try a.close()
  try b.close()
}

do {
  guard arguments.count > 2, let url = RedisURL(arguments[2]) else {
    print("see Benchmarks/redis/run")
    exit(64)
  }
  if arguments[1] == "latency" {
    try latency(url, rounds: number(3, 1000))
  } else {
    try life(url, pid: number(3, 0), jobs: number(4, 200_000), batch: number(5, 100), servers: number(6, 1))
  }
} catch {
  print("failed: \(error)")
  exit(1)
}

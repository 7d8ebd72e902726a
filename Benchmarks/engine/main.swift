// What one job's whole life costs the engine and the embedded storage, without any socket: producers whose every job is an
// enqueue of its own, eight worker streams that report what they were given with the tick before.
//
//     $(Scripts/build release engine-benchmark) [jobs] [batch] [folder]
//
// jobs: lives measured (200000); batch: enqueues per tick (50); folder: where the store is made, removed afterwards
// (./engine-benchmark-data).

import Backlog
import Engine
import Glibc
import Jobs
import SQLiteStorage

func number(_ index: Int, _ value: Int) -> Int {
  CommandLine.arguments.count > index ? Int(CommandLine.arguments[index]) ?? value : value
}

let jobs = number(1, 200_000)
let batch = number(2, 50)
let folder = CommandLine.arguments.count > 3 ? CommandLine.arguments[3] : "./engine-benchmark-data"
let streams = 8

/// Microseconds of a clock.
func clock(_ id: clockid_t) -> Double {
  var time = timespec()
  unsafe clock_gettime(id, &time)
  return Double(time.tv_sec) * 1e6 + Double(time.tv_nsec) / 1e3
}

func now() -> Moment {
  Moment(
    wall: Timestamp(microseconds: Int64(clock(CLOCK_REALTIME))),
    elapsed: Instant(microseconds: Int64(clock(CLOCK_MONOTONIC))))
}
func cpu() -> Double { clock(CLOCK_THREAD_CPUTIME_ID) }

func remove() {
  for name in ["gkick.db", "gkick.db-wal", "gkick.db-shm", "lock"] { unsafe unlink(folder + "/" + name) }
  unsafe rmdir(folder)
}

func report(_ what: String, _ value: Double, _ unit: String) {
  print("\(what): \((value * 100).rounded() / 100) \(unit)")
}

/// What the streams say next, of what they were told.
struct Streams {
  private var outcomes = [[WorkerOutcome]](repeating: [], count: streams)
  private var seqs = [UInt64](repeating: 0, count: streams)
  private(set) var done = 0

  mutating func hear(_ effects: [Effect]) {
    for effect in effects {
      guard case .toWorker(let route, let update) = effect else { continue }
      let stream = Int(route.id)
      seqs[stream] = update.seq
      done += update.results.count
      for job in update.jobs { outcomes[stream].append(WorkerOutcome(lease: job.lease, how: .success(result: []))) }
    }
  }

  mutating func speak(into commands: inout [Command]) {
    for stream in 0..<streams where !outcomes[stream].isEmpty {
      commands.append(
        .work(
          WorkerMessage(ackSeq: seqs[stream], outcomes: outcomes[stream]), Route(loop: 0, id: UInt64(stream))))
      outcomes[stream] = []
    }
  }
}

func run() throws(StoreError) {
  remove()
  let storage = try SQLiteStorage.open(path: folder)
  let epoch = try storage.beginEpoch()
  let backlog = Backlog(rows: storage.rows, seed: 1)
  try backlog.load(storage, epoch, now: now())
  let engine = Engine(backlog: backlog, configuration: EngineConfiguration(), seed: 1, now: now())
  let body = [UInt8](repeating: 7, count: 130)
  var workers = Streams()
  let subscription = Subscription(pattern: QueuePattern("life"))
  var commands: [Command] = (0..<streams).map {
    .connect(
      WorkerHello(workerID: "worker-\($0)", subscriptions: [subscription], maxInFlight: 100), address: "",
      Route(loop: 0, id: UInt64($0)))
  }
  var enqueued = 0
  var parts = [0.0, 0]
  let start = clock(CLOCK_MONOTONIC)
  while workers.done < jobs {
    workers.speak(into: &commands)
    for _ in 0..<min(batch, jobs - enqueued) {
      let job = NewJob(queue: "life", name: "noop", payloadSize: 128, body: body)
      commands.append(.enqueue(EnqueueGroup(jobs: [job]), nil, Route(loop: 0, id: 100)))
      enqueued += 1
    }
    var mark = cpu()
    func lap(_ part: Int) {
      let time = cpu()
      parts[part] += time - mark
      mark = time
    }
    let decision = engine.decide(commands, now: now())
    lap(0)
    var late: [Effect] = []
    if case .write(let ticket, let changes, let sync)? = decision.work {
      if let changes { try storage.write([changes], epoch: epoch) }
      if sync { try storage.sync() }
      lap(1)
      late = engine.stored(through: ticket, now: now())
      lap(0)
    }
    commands.removeAll(keepingCapacity: true)
    workers.hear(decision.effects)
    workers.hear(late)
  }
  let took = clock(CLOCK_MONOTONIC) - start
  report("CPU per job's life, \(batch) per tick, synced", (parts[0] + parts[1]) / Double(jobs), "us")
  report("  the engine", parts[0] / Double(jobs), "us")
  report("  the storage", parts[1] / Double(jobs), "us")
  report("jobs per second", Double(jobs) / took * 1e6, "/s")
  try storage.close()
}

do {
  if CommandLine.arguments.dropFirst().first == "steady" {
    try steady(jobs: number(2, 2_000_000))
    exit(0)
  }
  try run()
} catch {
  print("failed: \(error)")
  remove()
  exit(1)
}
remove()

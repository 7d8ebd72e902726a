// What flow costs the engine and the embedded storage, without any socket: whole lives (enqueued 1,000 at a time, held 500 at a time by one
// worker) of jobs with keys, that depend on each other, of batches, and of plain ones beside very many that wait.
//
//     $(Scripts/build release flow-benchmark) [PART] [JOBS] [WAITING] [FOLDER]
//
// PART: keys, graph, batches, held, blocked; JOBS: lives of each measurement (100000); WAITING: those that wait (1000000); FOLDER: where the store
// is made, removed afterwards (./flow-benchmark-data). CPU of the whole process, the filling of tables in the background counted in. Each figure is
// compared with the lives of plain jobs around it; for a count of instructions run it under valgrind --tool=callgrind with few jobs.

import Backlog
import Engine
import Glibc
import Jobs
import SQLiteStorage

func number(_ index: Int, _ value: Int) -> Int {
  CommandLine.arguments.count > index ? Int(CommandLine.arguments[index]) ?? value : value
}

let part = CommandLine.arguments.count > 1 ? CommandLine.arguments[1] : "graph"
let jobs = number(2, 100_000)
let waiting = number(3, 1_000_000)
let folder = CommandLine.arguments.count > 4 ? CommandLine.arguments[4] : "./flow-benchmark-data"

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

func remove() {
  for name in ["gkick.db", "gkick.db-wal", "gkick.db-shm", "lock"] { unsafe unlink(folder + "/" + name) }
  for number in 0..<100 { unsafe unlink(folder + "/gkick.log.\(number)") }
  unsafe rmdir(folder)
}

/// Bytes in memory.
func resident() -> Double {
  guard let file = unsafe fopen("/proc/self/statm", "r") else { return 0 }
  defer { unsafe fclose(file) }
  var line = [CChar](repeating: 0, count: 128)
  // No more is read than the line has room for.
  guard unsafe fgets(&line, 128, file) != nil else { return 0 }
  let text = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  let pages = text.split(separator: " ").dropFirst().first.flatMap { Double($0) } ?? 0
  return pages * Double(sysconf(Int32(_SC_PAGESIZE)))
}

/// The engine on its store, one producer and one worker.
final class Bench {
  let storage: SQLiteStorage
  let epoch: Epoch
  let backlog: Backlog
  private let engine: Engine
  private var commands: [Command] = []
  private var outcomes: [WorkerOutcome] = []
  private var seq: UInt64 = 0
  private var done = 0
  private static let worker = Route(loop: 0, id: 1)

  init() throws(StoreError) {
    storage = try SQLiteStorage.open(path: folder)
    epoch = try storage.beginEpoch()
    backlog = Backlog(rows: storage.rows, seed: 1)
    try backlog.load(storage, epoch, now: now())
    var configuration = EngineConfiguration()
    configuration.lease = .hours(1)
    engine = Engine(backlog: backlog, configuration: configuration, seed: 1, now: now())
    commands = [
      .connect(
        WorkerHello(workerID: "w", subscriptions: [Subscription(pattern: QueuePattern("q"))], maxInFlight: 0),
        address: "", Self.worker)
    ]
    try tick()
  }

  private func tick() throws(StoreError) {
    let decision = engine.decide(commands, now: now())
    commands.removeAll(keepingCapacity: true)
    var late: [Effect] = []
    if case .write(let ticket, let changes, let sync)? = decision.work {
      if let changes { try storage.write([changes], epoch: epoch) }
      if sync { try storage.sync() }
      late = engine.stored(through: ticket, now: now())
    }
    for effect in decision.effects + late {
      guard case .toWorker(_, let update) = effect else { continue }
      seq = update.seq
      done += update.results.count
      for job in update.jobs { outcomes.append(WorkerOutcome(lease: job.lease, how: .success(result: []))) }
    }
  }

  func enqueue(_ count: Int, _ make: (Int) -> NewJob) throws(StoreError) {
    for start in stride(from: 0, to: count, by: 1_000) {
      let group = EnqueueGroup(jobs: (start..<min(count, start + 1_000)).map(make))
      commands.append(.enqueue(group, nil, Route(loop: 0, id: 100)))
      try tick()
    }
  }

  func capacity(_ count: UInt32) throws(StoreError) {
    commands.append(.work(WorkerMessage(ackSeq: seq, capacity: count), Self.worker))
    try tick()
  }

  /// The worker takes one and keeps it.
  func holdOne() throws(StoreError) {
    try capacity(1)
    outcomes = []
  }

  /// Microseconds of CPU of a whole life.
  func life(_ make: (Int) -> NewJob) throws(StoreError) -> Double {
    settle()
    let before = clock(CLOCK_PROCESS_CPUTIME_ID)
    done = 0
    try enqueue(jobs, make)
    try capacity(501)
    while done < jobs {
      if !outcomes.isEmpty {
        commands.append(.work(WorkerMessage(ackSeq: seq, outcomes: outcomes), Self.worker))
        outcomes.removeAll(keepingCapacity: true)
      }
      try tick()
    }
    try capacity(0)
    settle()
    return (clock(CLOCK_PROCESS_CPUTIME_ID) - before) / Double(jobs)
  }

  /// Until the tables are filled from the log.
  func settle() {
    var last = clock(CLOCK_PROCESS_CPUTIME_ID)
    while true {
      usleep(500_000)
      let time = clock(CLOCK_PROCESS_CPUTIME_ID)
      if time - last < 25_000 { return }
      last = time
    }
  }
}

let body = [UInt8](repeating: 7, count: 10)

func job(_ id: String = "", _ options: JobOptions = .standard) -> NewJob {
  NewJob(id: id, queue: "q", name: "n", options: options, payloadSize: 10, body: body)
}

func say(_ what: String, _ figure: Double, _ base: Double, _ more: String = "") {
  func rounded(_ value: Double) -> String { String((value * 100).rounded() / 100) }
  print("\(what): \(rounded(figure)) us, \(rounded(figure / base)) times\(more)")
}

func run() throws(StoreError) {
  let bench = try Bench()
  _ = try bench.life { _ in job() }
  var bases = 0
  /// Between two of free jobs, which have ids if these have.
  func measure(_ what: String, named: Bool = false, _ make: (Int) -> NewJob) throws(StoreError) {
    func base() throws(StoreError) -> Double {
      bases += 1
      return try bench.life { job(named ? "base\(bases)-\($0)" : "") }
    }
    let first = try base()
    let figure = try bench.life(make)
    say(what, figure, (first + (try base())) / 2)
  }
  switch part {
  case "keys":
    for count in [1, 1_000, 100_000] {
      try measure("\(count) fairness keys") { job("", JobOptions(fairnessKey: "f\($0 % count)")) }
    }
    bench.backlog.putLimit(Limit(.keyPrefix("k"), maxRunning: 1_000), now: now())
    for count in [1, 1_000, 100_000] {
      try measure("\(count) limited keys") {
        job("", JobOptions(concurrencyKey: "k\($0 % count)"))
      }
    }
  case "graph":
    try measure("1,000 chains", named: true) { index in
      job("c\(index)", index >= 1_000 ? JobOptions(dependsOn: ["c\(index - 1_000)"]) : .standard)
    }
    try measure("layers of 1,000, each job after three", named: true) { index in
      let start = (index / 1_000 - 1) * 1_000
      let others = start < 0 ? [] : [0, 7, 31].map { "l\(start + (index + $0) % 1_000)" }
      return job("l\(index)", others.isEmpty ? .standard : JobOptions(dependsOn: others))
    }
    try measure("a tree, ten below each", named: true) { index in
      job("t\(index)", index > 0 ? JobOptions(dependsOn: ["t\((index - 1) / 10)"]) : .standard)
    }
  case "batches":
    try measure("10,000 open batches") { job("", JobOptions(batchID: "b\($0 % 10_000)")) }
    try measure("one batch") { _ in job("", JobOptions(batchID: "one")) }
  case "held", "blocked":
    let first = try bench.life { _ in job() }
    var options = JobOptions(concurrencyKey: "k")
    if part == "held" {
      bench.backlog.putLimit(Limit(.key("k"), maxRunning: 1), now: now())
      try bench.enqueue(1) { _ in job("holder", options) }
      try bench.holdOne()
    } else {
      try bench.enqueue(1) { _ in NewJob(id: "root", queue: "other", name: "n", body: body) }
      options = JobOptions(dependsOn: ["root"])
    }
    bench.settle()
    let before = resident()
    try bench.enqueue(waiting) { _ in job("", options) }
    bench.settle()
    let each = (resident() - before) / Double(waiting)
    for _ in 0..<3 {
      say("beside \(waiting) \(part)", try bench.life { _ in job() }, first, ", \(each.rounded()) bytes each")
    }
  default: print("no such part")
  }
  try bench.storage.close()
}

do {
  remove()
  try run()
} catch {
  print("failed: \(error)")
}
remove()

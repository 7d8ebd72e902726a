// What one job's whole life costs the embedded storage, how long small writes take, what a waiting job takes in memory, how long a start
// takes, and whether memory and files stay as they are while jobs pass through.
//
//     store-benchmark [jobs] [batch] [waiting] [folder] [passing]
//
// jobs: lives measured (200000); batch: jobs that begin, start and end per change set (100); waiting: jobs that wait all the while (0);
// folder: where the store is made, removed afterwards (./store-benchmark-data); passing: jobs that pass through a store that always holds
// 200 ended ones (jobs). Build it with Scripts/build release store-benchmark.

import Glibc
import Jobs
import SQLiteStorage

func number(_ index: Int, _ value: Int) -> Int {
  CommandLine.arguments.count > index ? Int(CommandLine.arguments[index]) ?? value : value
}

let jobs = number(1, 200_000)
let batch = number(2, 100)
let waiting = number(3, 0)
let passing = number(5, jobs)
let folder = CommandLine.arguments.count > 4 ? CommandLine.arguments[4] : "./store-benchmark-data"

func seconds(_ clock: clockid_t) -> Double {
  var time = timespec()
  unsafe clock_gettime(clock, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

func wallClock() -> Timestamp { Timestamp(microseconds: Int64(seconds(CLOCK_REALTIME) * 1e6)) }

/// CPU time of the process.
func cpu() -> Double { seconds(CLOCK_PROCESS_CPUTIME_ID) }

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

let files = ["gkick.db", "gkick.db-wal", "gkick.db-shm", "gkick.log.0", "gkick.log.1", "lock"]

/// Of all files of the store.
func stored() -> Int {
  files.reduce(0) { sum, name in
    var status = stat()
    return unsafe stat(folder + "/" + name, &status) == 0 ? sum + Int(status.st_size) : sum
  }
}

func remove() {
  for name in files { unsafe unlink(folder + "/" + name) }
  unsafe rmdir(folder)
}

func report(_ what: String, _ value: Double, _ unit: String) {
  print("\(what): \((value * 100).rounded() / 100) \(unit)")
}

/// Takes nothing in.
final class Nothing: StateLoader {
  var jobs = 0
  func begin(salt: UInt32, nextSeq: Int64, lastCursor: Int64, lastNumber: UInt64) {}
  func add(_ queue: StoredQueue) {}
  func add(_ document: Document) {}
  func add(_ job: LoadedJob) { jobs += 1 }
  func addChosen(id: String, seq: Int64) {}
  func addHold(queue: String, key: String, seq: Int64, until: Timestamp) {}
}

/// Makes change sets as the state does for jobs that begin, start and end.
final class Writer {
  let storage: SQLiteStorage
  let epoch: Epoch
  let payload = [UInt8](repeating: 7, count: 200)
  var number: UInt64 = 0
  var nextSeq: Int64
  var cursor: Int64 = 0
  var started: [JobHead] = []
  var waiting: [JobHead] = []
  var ended: [JobHead] = []

  init(_ storage: SQLiteStorage, nextSeq: Int64 = 1, cursor: Int64 = 0) throws(StoreError) {
    self.storage = storage
    self.nextSeq = nextSeq
    self.cursor = cursor
    epoch = try storage.beginEpoch()
  }

  func change(_ durability: Durability) -> ChangeSet {
    number += 1
    return ChangeSet(number: number, now: wallClock(), durability: durability)
  }

  func tell(_ kind: Event.Kind, _ head: JobHead, in change: inout ChangeSet) {
    cursor += 1
    change.events.append(
      Event(cursor: cursor, kind: kind, at: change.now, jobID: head.job.id, queue: head.job.queue, name: head.job.name))
  }

  func begin(_ count: Int, in change: inout ChangeSet) {
    for _ in 0..<count {
      let head = JobHead(
        seq: nextSeq,
        job: NewJob(
          id: JobID.make(seq: nextSeq, at: change.now, salt: 1), name: "email.send", runAt: change.now,
          payloadSize: payload.count),
        isChosen: false, createdAt: change.now)
      nextSeq += 1
      change.jobs.append(JobChange(head: head, standing: head.untouched, isNew: true, body: payload))
      tell(.enqueued, head, in: &change)
      waiting.append(head)
    }
  }

  /// Those that were started end, those that wait are started; the oldest that ended are forgotten.
  func move(keeping: Int, in change: inout ChangeSet) {
    for head in started {
      var standing = JobStanding(state: .succeeded, runAt: change.now)
      standing.attempt = 1
      standing.workerID = "worker-1"
      standing.startedAt = change.now
      standing.finishedAt = change.now
      standing.expires = change.now + .hours(1)
      change.jobs.append(JobChange(head: head, standing: standing, isNew: false))
      tell(.succeeded, head, in: &change)
    }
    if keeping < .max {
      ended += started
      for head in ended.prefix(max(0, ended.count - keeping)) {
        change.forgotten.append(ForgottenJob(head: head, state: .succeeded))
      }
      ended.removeFirst(max(0, ended.count - keeping))
    }
    started = waiting
    waiting = []
    for head in started {
      var standing = JobStanding(state: .running, runAt: change.now)
      standing.attempt = 1
      standing.wasStarted = true
      standing.workerID = "worker-1"
      standing.token = UInt64(head.seq)
      standing.startedAt = change.now
      change.jobs.append(JobChange(head: head, standing: standing, isNew: false))
      tell(.started, head, in: &change)
    }
    var queue = StoredQueue(name: "default")
    queue.succeeded = UInt64(nextSeq)
    queue.lastUsedAt = change.now
    change.queues = [queue]
    change.nextSeq = nextSeq
  }
}

func percentile(_ values: [Double], _ part: Double) -> Double {
  values[min(values.count - 1, Int(Double(values.count) * part))]
}

func lives(_ writer: Writer, _ jobs: Int, _ batch: Int, _ durability: Durability, keeping: Int = .max)
  throws(StoreError)
{
  var times: [Double] = []
  let used = cpu()
  let start = seconds(CLOCK_MONOTONIC)
  var done = 0
  while done < jobs {
    var change = writer.change(durability)
    writer.move(keeping: keeping, in: &change)
    writer.begin(batch, in: &change)
    change.nextSeq = writer.nextSeq
    let before = seconds(CLOCK_MONOTONIC)
    try writer.storage.write([change], epoch: writer.epoch)
    times.append((seconds(CLOCK_MONOTONIC) - before) * 1e6)
    done += batch
  }
  _ = try writer.storage.reader.events(after: .max - 1, limit: 1)
  let spent = cpu() - used
  times.sort()
  print("\(batch) per change set, \(durability):")
  report("  CPU per life", spent * 1e6 / Double(jobs), "us")
  report("  jobs per second", Double(jobs) / (seconds(CLOCK_MONOTONIC) - start), "/s")
  report("  a write takes p50", percentile(times, 0.5), "us")
  report("  p99", percentile(times, 0.99), "us")
  report("  p99.9", percentile(times, 0.999), "us")
  report("  longest", times[times.count - 1], "us")
}

func run() throws(StoreError) {
  remove()
  // Events by bytes, so that they are as many all the time.
  let retention = EventRetention(bytes: 4 << 20)
  var storage = try SQLiteStorage.open(path: folder, retention: retention, salt: 1)
  var writer = try Writer(storage)
  try storage.load(writer.epoch, into: Nothing())
  if waiting > 0 {
    let before = resident()
    for _ in 0..<(waiting / 500) {
      var change = writer.change(.relaxed)
      writer.begin(500, in: &change)
      writer.waiting = []
      change.nextSeq = writer.nextSeq
      try storage.write([change], epoch: writer.epoch)
    }
    try storage.close()
    let (nextSeq, cursor) = (writer.nextSeq, writer.cursor)
    let start = seconds(CLOCK_MONOTONIC)
    let used = cpu()
    storage = try SQLiteStorage.open(path: folder, retention: retention)
    writer = try Writer(storage, nextSeq: nextSeq, cursor: cursor)
    let nothing = Nothing()
    try storage.load(writer.epoch, into: nothing)
    report("open and load \(nothing.jobs) waiting jobs", seconds(CLOCK_MONOTONIC) - start, "s")
    report("  CPU", cpu() - used, "s")
    report("memory per waiting job, SQLite's cache counted in", Double(resident() - before) / Double(waiting), "bytes")
    var query = JobQuery()
    query.queue = "none"
    var times: [Double] = []
    for _ in 0..<1_000 {
      let before = seconds(CLOCK_MONOTONIC)
      _ = try storage.reader.jobs(query)
      times.append((seconds(CLOCK_MONOTONIC) - before) * 1e6)
    }
    times.sort()
    report("a list of a queue that is not there", percentile(times, 0.5), "us")
  }
  try lives(writer, jobs, batch, .synced)
  try lives(writer, 5_000, 1, .synced)
  try lives(writer, 20_000, 1, .relaxed)
  // Warm, then in four parts: none may add anything.
  try lives(writer, 100_000, 100, .relaxed, keeping: 200)
  for part in 1...4 {
    let before = (resident(), stored())
    try lives(writer, passing / 4, 100, .relaxed, keeping: 200)
    _ = try storage.tidy(now: wallClock())
    report(
      "memory that part \(part) of \(passing) jobs passing through added", Double(resident() - before.0) / 1e6, "MB")
    report("  files", Double(stored() - before.1) / 1e6, "MB, of \(stored() / 1_000_000)")
  }
  for name in files {
    var status = stat()
    if unsafe stat(folder + "/" + name, &status) == 0 { print("  \(name): \(status.st_size)") }
  }
  try storage.close()
}

do {
  try run()
} catch {
  print("failed: \(error)")
  remove()
  exit(1)
}
remove()

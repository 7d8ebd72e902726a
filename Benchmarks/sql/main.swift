// What one job's whole life costs a database and the server as change sets, and how long a new leader reads. Started by
// Benchmarks/sql/run, which starts a database of its own:
//
//     sql-benchmark life URL DATABASE-PID JOBS BATCH
//     sql-benchmark load-beside URL RATE BATCH SECONDS           so many jobs per second; every 10 seconds a line: seconds since the start, jobs
//                                                                per second, the writes' median, 99th percentile and longest in milliseconds
//     sql-benchmark wait URL DATABASE-PID JOBS BATCH             the same of jobs that wait some ticks before they are started
//     sql-benchmark load URL JOBS

import Glibc
import Jobs
import MySQLStorage
import PostgresStorage

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

/// The numbers behind the name in /proc/PID/stat, from the parent's id on.
func stat(_ pid: Int) -> [Double]? {
  guard let file = unsafe fopen("/proc/\(pid)/stat", "r") else { return nil }
  defer { unsafe fclose(file) }
  var line = [CChar](repeating: 0, count: 1024)
  guard unsafe fgets(&line, 1024, file) != nil else { return nil }
  let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  guard let end = text.lastIndex(of: ")") else { return nil }
  return text[end...].split(separator: " ").dropFirst(2).map { Double($0) ?? 0 }
}

/// CPU time of a process, its children, and those of them that have ended, in microseconds (to 10 ms).
func cpu(of pid: Int) -> Double {
  guard let own = stat(pid) else { return 0 }
  var ticks = own[10] + own[11] + own[12] + own[13]
  guard let folder = unsafe opendir("/proc") else { return 0 }
  defer { unsafe closedir(folder) }
  while let entry = unsafe readdir(folder) {
    let name = unsafe withUnsafeBytes(of: entry.pointee.d_name) { bytes in
      unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
    guard let child = Int(name), child != pid, let fields = stat(child), Int(fields[0]) == pid else { continue }
    ticks += fields[10] + fields[11]
  }
  return ticks * 1e6 / Double(sysconf(Int32(_SC_CLK_TCK)))
}

func report(_ what: String, _ value: Double, _ unit: String) {
  print("\(what): \((value * 100).rounded() / 100) \(unit)")
}

func open(_ url: String) throws(StoreError) -> any Storage {
  url.hasPrefix("mysql") ? try MySQLStorage(url: url) : try PostgresStorage(url: url)
}

/// Jobs as a state would move them: enqueued and started in one tick, or started some ticks later, done in the next, forgotten some ticks
/// after that.
struct Lives {
  let batch: Int
  /// Ticks that finished jobs are kept.
  let kept: Int
  /// Ticks that jobs wait until they are started; 0: they are started in the tick that makes them.
  var waits = 0
  var number: UInt64 = 0
  var cursor: Int64
  var seq: Int64
  let salt: UInt32 = 7
  var running: [(head: JobHead, standing: JobStanding)] = []
  var waiting: [[JobHead]] = []
  var ended: [[JobHead]] = []
  var token: UInt64 = 1 << 32
  let body = [UInt8](repeating: 7, count: 200)

  mutating func tick() -> ChangeSet {
    number += 1
    let now = wallClock()
    var set = ChangeSet(number: number, now: now, durability: .synced)
    func tell(_ kind: Event.Kind, _ head: JobHead, _ worker: String) {
      cursor += 1
      set.events.append(
        Event(
          cursor: cursor, kind: kind, at: now, jobID: head.job.id, queue: head.job.queue, name: head.job.name,
          attempt: 1, workerID: worker))
    }
    for var job in running {
      job.standing.state = .succeeded
      job.standing.token = 0
      job.standing.finishedAt = now
      job.standing.expires = now + .hours(1)
      set.jobs.append(
        JobChange(head: job.head, standing: job.standing, isNew: false, carried: JobCarried(result: [1, 2, 3])))
      tell(.succeeded, job.head, job.standing.workerID)
    }
    if !running.isEmpty { ended.append(running.map(\.head)) }
    if ended.count > kept {
      set.forgotten = ended.removeFirst().map { ForgottenJob(head: $0, state: .succeeded) }
    }
    running = []
    func start(_ head: JobHead, _ index: Int) -> JobStanding {
      token += 1
      var standing = JobStanding(state: .running, runAt: head.createdAt)
      standing.attempt = 1
      standing.wasStarted = true
      standing.startedAt = now
      standing.workerID = "worker-\(index % 8)"
      standing.token = token
      standing.deadline = now + .seconds(30)
      running.append((head, standing))
      return standing
    }
    if waits > 0, waiting.count == waits {
      for (index, head) in waiting.removeFirst().enumerated() {
        let standing = start(head, index)
        set.jobs.append(JobChange(head: head, standing: standing, isNew: false))
        tell(.started, head, standing.workerID)
      }
    }
    var fresh: [JobHead] = []
    for index in 0..<batch {
      let head = head(at: now)
      tell(.enqueued, head, "")
      fresh.append(head)
      let standing = waits > 0 ? head.untouched : start(head, index)
      if waits == 0 { tell(.started, head, standing.workerID) }
      set.jobs.append(JobChange(head: head, standing: standing, isNew: true, body: body, carried: .nothing))
    }
    if waits > 0 { waiting.append(fresh) }
    set.nextSeq = seq
    var queue = StoredQueue(name: "default")
    queue.succeeded = UInt64(seq)
    set.queues = [queue]
    return set
  }

  mutating func head(at now: Timestamp) -> JobHead {
    let id = JobID.make(seq: seq, at: now, salt: salt)
    defer { seq += 1 }
    return JobHead(
      seq: seq, job: NewJob(id: id, name: "email.send", runAt: now, payloadSize: 200), isChosen: false, createdAt: now)
  }
}

final class Counter: StateLoader {
  var nextSeq: Int64 = 1
  var cursor: Int64 = 0
  var jobs = 0
  func begin(salt: UInt32, nextSeq: Int64, lastCursor: Int64, lastNumber: UInt64) {
    self.nextSeq = nextSeq
    cursor = lastCursor
  }
  func add(_ queue: StoredQueue) {}
  func add(_ document: Document) {}
  func add(_ job: LoadedJob) { jobs += 1 }
  func addChosen(id: String, seq: Int64) {}
  func addHold(queue: String, key: String, seq: Int64, until: Timestamp) {}
}

func begin(_ storage: any Storage) throws(StoreError) -> (Epoch, Counter) {
  let epoch = try storage.beginEpoch()
  let counter = Counter()
  try storage.load(epoch, into: counter)
  return (epoch, counter)
}

func life(_ url: String, pid: Int, jobs: Int, batch: Int, waits: Int) throws(StoreError) {
  let storage = try open(url)
  let (epoch, counter) = try begin(storage)
  // Finished jobs stay for about a hundred thousand others.
  var lives = Lives(batch: batch, kept: max(1, 100_000 / batch), cursor: counter.cursor, seq: counter.nextSeq)
  lives.waits = waits
  for _ in 0..<12 { try storage.write([lives.tick()], epoch: epoch) }
  let start = wallClock()
  let used = (ownCPU(), cpu(of: pid))
  var made = 0.0
  var count = 0
  var tidyAt = start
  while count < jobs {
    let before = ownCPU()
    let set = lives.tick()
    made += ownCPU() - before
    try storage.write([set], epoch: epoch)
    count += batch
    let now = wallClock()
    if now >= tidyAt { tidyAt = try storage.tidy(now: now) }
  }
  let spent = (ownCPU() - used.0 - made, cpu(of: pid) - used.1)
  let name = "\(batch) jobs per tick" + (waits > 0 ? ", \(waits) ticks of waiting" : "")
  report("\(name): \(storage.kind) CPU per job's life", spent.1 / Double(count), "us")
  report("\(name): storage's CPU per job's life", spent.0 / Double(count), "us")
  report("\(name): jobs per second", Double(count) / (wallClock() - start).seconds, "/s")
  try storage.close()
}

/// A steady load, for what happens beside it.
func beside(_ url: String, rate: Int, batch: Int, seconds: Int) throws(StoreError) {
  let storage = try open(url)
  let (epoch, counter) = try begin(storage)
  var lives = Lives(batch: batch, kept: max(1, 50_000 / batch), cursor: counter.cursor, seq: counter.nextSeq)
  let pause = Interval(microseconds: Int64(batch) * 1_000_000 / Int64(rate))
  let start = wallClock()
  var next = start
  var tidyAt = start
  var line = (at: start + .seconds(10), jobs: 0, writes: [Double]())
  while wallClock() < start + .seconds(Int64(seconds)) {
    let wait = next - wallClock()
    if wait.microseconds > 0 { usleep(UInt32(wait.microseconds)) }
    next = max(next + pause, wallClock() - .seconds(1))
    let set = lives.tick()
    let before = wallClock()
    try storage.write([set], epoch: epoch)
    let now = wallClock()
    line.writes.append((now - before).seconds * 1e3)
    line.jobs += batch
    if now >= tidyAt { tidyAt = try storage.tidy(now: now) }
    if now >= line.at {
      let sorted = line.writes.sorted()
      let figures = [sorted[sorted.count / 2], sorted[sorted.count * 99 / 100], sorted[sorted.count - 1]]
      let texts = figures.map { String(($0 * 100).rounded() / 100) }
      print(
        "\(Int((now - start).seconds))\t\(Int(Double(line.jobs) / (10 + (now - line.at).seconds)))\t\(texts.joined(separator: "\t"))"
      )
      fflush(nil)
      line = (now + .seconds(10), 0, [])
    }
  }
  try storage.close()
}

func load(_ url: String, jobs: Int) throws(StoreError) {
  let storage = try open(url)
  let (epoch, counter) = try begin(storage)
  var lives = Lives(batch: 0, kept: 0, cursor: counter.cursor, seq: counter.nextSeq)
  for _ in 0..<jobs / 1_000 {
    lives.number += 1
    let now = wallClock()
    var set = ChangeSet(number: lives.number, now: now, durability: .relaxed)
    for _ in 0..<1_000 {
      let head = lives.head(at: now)
      set.jobs.append(JobChange(head: head, standing: head.untouched, isNew: true, body: lives.body))
    }
    set.nextSeq = lives.seq
    try storage.write([set], epoch: epoch)
  }
  try storage.close()
  let start = wallClock()
  let fresh = try open(url)
  let (_, found) = try begin(fresh)
  report(
    "\(storage.kind), \(found.jobs) waiting jobs: connected, led and loaded within", (wallClock() - start).seconds, "s")
  try fresh.close()
}

let words = Array(CommandLine.arguments.dropFirst())
func number(_ index: Int) -> Int? { words.count > index ? Int(words[index]) : nil }
do {
  if words.first == "life" || words.first == "wait", let pid = number(2), let jobs = number(3), let batch = number(4) {
    let waits = words.first == "wait" ? max(1, 10_000 / batch) : 0
    try life(words[1], pid: pid, jobs: jobs, batch: batch, waits: waits)
  } else if words.first == "load-beside", let rate = number(2), let batch = number(3), let seconds = number(4) {
    try beside(words[1], rate: rate, batch: batch, seconds: seconds)
  } else if words.first == "load", let jobs = number(2) {
    try load(words[1], jobs: jobs)
  } else {
    print("see Benchmarks/sql/run")
    exit(64)
  }
} catch {
  print("failed: \(error)")
  exit(1)
}

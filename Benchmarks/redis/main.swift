// What one job's whole life costs Redis and the server as change sets. Started by Benchmarks/redis/run, which starts a Redis of its own:
//
//     redis-storage-benchmark URL REDIS-PID JOBS BATCH

import Glibc
import Jobs
import RedisStorage

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

/// CPU time of another process, all its threads, user and system, in microseconds (to 10 ms).
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

/// Jobs as a state would move them: enqueued and started in one tick, done in the next, forgotten some ticks later.
struct Lives {
  let batch: Int
  var number: UInt64 = 0
  var cursor: Int64
  var seq: Int64
  let salt: UInt32 = 7
  var running: [(head: JobHead, standing: JobStanding)] = []
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
    if ended.count > 10 {
      set.forgotten = ended.removeFirst().map { ForgottenJob(head: $0, state: .succeeded) }
    }
    running = []
    for index in 0..<batch {
      let id = JobID.make(seq: seq, at: now, salt: salt)
      let head = JobHead(
        seq: seq, job: NewJob(id: id, name: "email.send", runAt: now, payloadSize: 200), isChosen: false,
        createdAt: now)
      seq += 1
      token += 1
      var standing = JobStanding(state: .running, runAt: now)
      standing.attempt = 1
      standing.wasStarted = true
      standing.startedAt = now
      standing.workerID = "worker-\(index % 8)"
      standing.token = token
      tell(.enqueued, head, "")
      tell(.started, head, standing.workerID)
      set.jobs.append(JobChange(head: head, standing: standing, isNew: true, body: body))
      running.append((head, standing))
    }
    set.nextSeq = seq
    var queue = StoredQueue(name: "default")
    queue.succeeded = UInt64(seq)
    set.queues = [queue]
    return set
  }
}

final class Counter: StateLoader {
  var nextSeq: Int64 = 1
  var cursor: Int64 = 0
  func begin(salt: UInt32, nextSeq: Int64, lastCursor: Int64, lastNumber: UInt64) {
    self.nextSeq = nextSeq
    cursor = lastCursor
  }
  func add(_ queue: StoredQueue) {}
  func add(_ document: Document) {}
  func add(_ job: LoadedJob) {}
  func addChosen(id: String, seq: Int64) {}
  func addHold(queue: String, key: String, seq: Int64, until: Timestamp) {}
}

func run(_ url: RedisURL, pid: Int, jobs: Int, batch: Int) throws(StoreError) {
  let storage = try RedisStorage.open(url: url)
  let epoch = try storage.beginEpoch()
  let counter = Counter()
  try storage.load(epoch, into: counter)
  var lives = Lives(batch: batch, cursor: counter.cursor, seq: counter.nextSeq)
  for _ in 0..<12 { try storage.write([lives.tick()], epoch: epoch) }
  let start = wallClock()
  let used = (ownCPU(), cpu(of: pid))
  var made = 0.0
  for _ in 0..<jobs / batch {
    let before = ownCPU()
    let set = lives.tick()
    made += ownCPU() - before
    try storage.write([set], epoch: epoch)
  }
  let spent = (ownCPU() - used.0 - made, cpu(of: pid) - used.1)
  let name = "\(batch) jobs per tick"
  report("\(name): Redis CPU per job's life", spent.1 / Double(jobs), "us")
  report("\(name): storage's CPU per job's life", spent.0 / Double(jobs), "us")
  report("\(name): jobs per second", Double(jobs) / (wallClock() - start).seconds, "/s")
  try storage.close()
}

let arguments = CommandLine.arguments
do {
  guard arguments.count > 4, let url = RedisURL(arguments[1]), let pid = Int(arguments[2]),
    let jobs = Int(arguments[3]), let batch = Int(arguments[4])
  else {
    print("see Benchmarks/redis/run")
    exit(64)
  }
  try run(url, pid: pid, jobs: jobs, batch: batch)
} catch {
  print("failed: \(error)")
  exit(1)
}

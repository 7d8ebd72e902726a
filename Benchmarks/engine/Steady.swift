import Backlog
import Glibc
import Jobs
import MemoryStorage

/// A state that is never idle and always holds 200 jobs, while `jobs` pass through it: its memory must not grow with them.
///
///     $(Scripts/build release engine-benchmark) steady [jobs]
///
/// Exits with 1 when the process has grown by more than a MiB after its first tenth.
func steady(jobs: Int) throws(StoreError) {
  let storage = MemoryStorage(retention: EventRetention(age: .seconds(10), bytes: 1 << 20))
  let epoch = try storage.beginEpoch()
  let backlog = Backlog(rows: storage.rows, seed: 1)
  var now = Moment(wall: Timestamp(seconds: 1_700_000_000), elapsed: Instant(microseconds: 0))
  try backlog.load(storage, epoch, now: now)
  let filter = ClaimFilter(queues: [QueuePattern("*")])
  let perRound = 100
  let rounds = max(20, jobs / perRound)
  var early = 0
  for round in 0..<rounds {
    now = now + .milliseconds(100)
    let new = (0..<perRound).map { number in
      // Some wait for a time, so that those orders move on as well.
      NewJob(
        name: "n", runAt: number % 4 == 0 ? now.wall + .milliseconds(150) : nil, options: JobOptions(retention: .zero))
    }
    _ = try backlog.enqueue([EnqueueGroup(jobs: new)], now: now)
    _ = try backlog.promote(now: now, limit: 512)
    if round > 1 {
      let claim = Claim(
        filters: [filter], workers: [Claim.Worker(id: "w", leaseUntil: now.elapsed + .seconds(9))],
        slots: Array(repeating: Claim.Slot(worker: 0, filter: 0), count: perRound))
      let dealt = try backlog.claim(claim, now: now)
      _ = try backlog.settle(
        dealt.jobs.map { Settlement(lease: $0.lease, outcome: .succeeded(result: [])) }, now: now)
    }
    _ = try backlog.forget(now: now, limit: 256)
    _ = backlog.takeReadied()
    if let changes = backlog.takeChanges(.relaxed, now: now) {
      try storage.write([changes], epoch: epoch)
      backlog.confirm(changes.number)
    }
    _ = try storage.tidy(now: now.wall)
    if round == rounds / 10 { early = residentBytes() }
  }
  let late = residentBytes()
  let waiting = backlog.queues().reduce(0) { $0 + $1.ready + $1.scheduled }
  print("\(rounds * perRound) jobs, \(waiting) waiting at the end")
  print("resident after a tenth: \(early >> 10) KiB, at the end: \(late >> 10) KiB")
  if late - early > 1 << 20 { exit(1) }
}

/// Of this process.
private func residentBytes() -> Int {
  // The file is read at once, into memory that is as large as is said; pages are counted second.
  guard let file = unsafe fopen("/proc/self/statm", "r") else { return 0 }
  defer { unsafe fclose(file) }
  var bytes = [CChar](repeating: 0, count: 128)
  guard unsafe fgets(&bytes, 127, file) != nil else { return 0 }
  let text = String(decoding: bytes.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  let pages = text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
  return pages * Int(sysconf(Int32(_SC_PAGESIZE)))
}

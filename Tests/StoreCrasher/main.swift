// Works on the embedded store in the folder given as argument until it is killed, and tells on standard output what was
// acknowledged: "enqueued ID" and "done ID" after the write that says so.

import Glibc
import Jobs
import SQLiteStorage

func wallClock() -> Timestamp {
  var time = timespec()
  unsafe clock_gettime(CLOCK_REALTIME, &time)
  return Timestamp(microseconds: Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000)
}

func say(_ lines: String) {
  var lines = lines
  lines.withUTF8 { bytes in _ = unsafe write(1, bytes.baseAddress, bytes.count) }
}

/// Goes on where the store was left: it only counts.
final class Counters: StateLoader {
  var salt: UInt32 = 0
  var nextSeq: Int64 = 1
  var cursor: Int64 = 0

  func begin(salt: UInt32, nextSeq: Int64, lastCursor: Int64, lastNumber: UInt64) {
    self.salt = salt
    self.nextSeq = nextSeq
    cursor = lastCursor
  }
  func add(_ queue: StoredQueue) {}
  func add(_ document: Document) {}
  func add(_ job: LoadedJob) {}
  func addChosen(id: String, seq: Int64) {}
  func addHold(queue: String, key: String, seq: Int64, until: Timestamp) {}
}

func work(in folder: String) throws(StoreError) {
  let storage = try SQLiteStorage.open(path: folder)
  for finding in storage.openFindings { say("found \(finding)\n") }
  let epoch = try storage.beginEpoch()
  let counters = Counters()
  try storage.load(epoch, into: counters)
  var number: UInt64 = 0
  var started: [JobHead] = []
  while true {
    number += 1
    // Every third is not waited for, and not told.
    let isSynced = number % 3 != 0
    var change = ChangeSet(number: number, now: wallClock(), durability: isSynced ? .synced : .relaxed)
    func tell(_ kind: Event.Kind, _ head: JobHead) {
      counters.cursor += 1
      change.events.append(Event(cursor: counters.cursor, kind: kind, at: change.now, jobID: head.job.id))
    }
    var lines = ""
    for head in started {
      var standing = JobStanding(state: .succeeded, runAt: change.now)
      standing.finishedAt = change.now
      standing.expires = change.now + .hours(1)
      change.jobs.append(JobChange(head: head, standing: standing, isNew: false, carried: JobCarried(result: [1])))
      tell(.succeeded, head)
      lines += "done \(head.job.id)\n"
    }
    started = []
    for index in 0..<7 {
      let seq = counters.nextSeq
      counters.nextSeq += 1
      let head = JobHead(
        seq: seq,
        job: NewJob(
          id: JobID.make(seq: seq, at: change.now, salt: counters.salt), name: "work", runAt: change.now,
          payloadSize: 100),
        isChosen: false, createdAt: change.now)
      change.jobs.append(
        JobChange(head: head, standing: head.untouched, isNew: true, body: Array(repeating: 1, count: 100)))
      tell(.enqueued, head)
      lines += "enqueued \(head.job.id)\n"
      if index < 5 { started.append(head) }
    }
    change.nextSeq = counters.nextSeq
    // Of those that are waited for, every other while no thread waits.
    if !(isSynced && number % 2 == 0 && storage.begin([change], epoch: epoch, notice: -1)
      && storage.finish(waits: true) == .stored)
    {
      try storage.write([change], epoch: epoch)
    }
    say(lines)
    if number % 50 == 0 { _ = try storage.tidy(now: wallClock()) }
  }
}

do {
  try work(in: CommandLine.arguments[1])
} catch {
  say("failed \(error)\n")
}

import Glibc
import Jobs
import Support
import Testing

@testable import SQLiteStore

@Suite(.aside) struct CrashTests {
  /// A process of `StoreCrasher`, and what it has said.
  private struct Crasher {
    let pid: pid_t
    let output: UnsafeMutablePointer<FILE>

    init(folder: String) throws {
      var buffer = [CChar](repeating: 0, count: 4096)
      let count = readlink("/proc/self/exe", &buffer, buffer.count)
      let path = String(decoding: buffer[..<max(0, count)].map { UInt8(bitPattern: $0) }, as: UTF8.self)
      let executable =
        path.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
        + "/StoreCrasher"
      var ends: [Int32] = [0, 0]
      try #require(pipe(&ends) == 0)
      var actions = posix_spawn_file_actions_t()
      posix_spawn_file_actions_init(&actions)
      posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
      posix_spawn_file_actions_addclose(&actions, ends[0])
      defer { posix_spawn_file_actions_destroy(&actions) }
      var arguments: [UnsafeMutablePointer<CChar>?] = [strdup(executable), strdup(folder), nil]
      defer { for argument in arguments { free(argument) } }
      var pid: pid_t = 0
      try #require(posix_spawn(&pid, executable, &actions, nil, &arguments, environ) == 0)
      close(ends[1])
      self.pid = pid
      output = try #require(fdopen(ends[0], "r"))
    }

    func line() -> String? {
      var buffer = [CChar](repeating: 0, count: 4096)
      guard fgets(&buffer, 4096, output) != nil else { return nil }
      let text = String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      // Cut off by the kill: was not said.
      return text.hasSuffix("\n") ? String(text.dropLast()) : nil
    }

    func kill() {
      Glibc.kill(pid, SIGKILL)
    }

    func end() {
      fclose(output)
      var status: Int32 = 0
      waitpid(pid, &status, 0)
    }
  }

  @Test func nothingAcknowledgedIsLostWhenKilled() throws {
    let folder = TemporaryFolder()
    let path = folder.path + "/store"
    var enqueued: Set<String> = []
    var done: Set<String> = []
    for round in 1...5 {
      let crasher = try Crasher(folder: path)
      var lines = 0
      while let line = crasher.line() {
        let words = line.split(separator: " ", maxSplits: 1).map(String.init)
        switch words[0] {
        case "enqueued": enqueued.insert(words[1])
        case "done": done.insert(words[1])
        default: Issue.record("\(line)")
        }
        lines += 1
        // Somewhere in the middle of a tick.
        if lines == 150 * round { crasher.kill() }
      }
      crasher.end()
      let store = try SQLiteStore.open(path: path, now: Timestamp(seconds: 1_800_000_000))
      for id in enqueued {
        let record = try #require(try store.reader.job(id: id), "round \(round) lost \(id)")
        #expect(!done.contains(id) || record.state == .succeeded)
      }
      try checkStory(store)
      try store.close()
    }
    #expect(done.count > 500)
  }

  @Test func aTornLogLeavesAWholeTick() throws {
    let folder = TemporaryFolder()
    let path = folder.path + "/store"
    var now = Timestamp(seconds: 1_700_000_000)
    let store = try SQLiteStore.open(path: path, now: now, salt: 1)
    for _ in 0..<40 {
      now = now + .seconds(1)
      _ = try store.enqueue([EnqueueGroup(jobs: [NewJob(name: "a"), NewJob(name: "b", body: [1, 2, 3])])], now: now)
      let request = ClaimRequest(
        filters: [ClaimFilter(queues: [QueuePattern("*")])],
        workers: [ClaimRequest.Worker(id: "w", leaseUntil: now + .seconds(30))],
        slots: [ClaimRequest.Slot(worker: 0, filter: 0)])
      for job in try store.claim(request, now: now).jobs {
        _ = try store.settle([Settlement(lease: job.lease, outcome: .succeeded(result: [9]))], now: now)
      }
      _ = try store.commit(.synced)
    }
    let log = try TemporaryFolder.read(path + "/gkick.db-wal")
    var random = SeededGenerator(seed: 7)
    var cursors: Set<Int64> = []
    for attempt in 0..<24 {
      let copy = folder.path + "/copy-\(attempt)"
      try TemporaryFolder.copy(path, to: copy)
      var torn = log
      let place = Int.random(in: 0..<log.count, using: &random)
      if attempt % 2 == 0 { torn.removeSubrange(place...) } else { torn[place] ^= 0x40 }
      try TemporaryFolder.write(torn, to: copy + "/gkick.db-wal")
      let reopened = try SQLiteStore.open(path: copy, now: now)
      try checkStory(reopened)
      cursors.insert(reopened.lastEventCursor)
      _ = try reopened.enqueue([EnqueueGroup(jobs: [NewJob(name: "a")])], now: now)
      _ = try reopened.commit(.synced)
      try checkStory(reopened)
      try reopened.close()
    }
    #expect(cursors.count > 5, "the log was torn in different places")
    try store.close()
  }
}

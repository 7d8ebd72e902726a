import Glibc
import Jobs
import Support
import Testing

@testable import SQLiteStorage

@Suite(.aside) struct CrashTests {
  /// A process of `StoreCrasher`, and what it has said.
  private struct Crasher {
    let pid: pid_t
    let output: UnsafeMutablePointer<FILE>

    init(folder: String) throws {
      var buffer = [CChar](repeating: 0, count: 4_096)
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
      var buffer = [CChar](repeating: 0, count: 4_096)
      guard fgets(&buffer, 4_096, output) != nil else { return nil }
      let text = String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      // Cut off by the kill: was not said.
      return text.hasSuffix("\n") ? String(text.dropLast()) : nil
    }

    func kill() { Glibc.kill(pid, SIGKILL) }

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
    for round in 1...6 {
      let crasher = try Crasher(folder: path)
      var lines = 0
      while let line = crasher.line() {
        let words = line.split(separator: " ", maxSplits: 1).map(String.init)
        switch words[0] {
        case "enqueued": enqueued.insert(words[1])
        case "done": done.insert(words[1])
        // Killed in the middle of a write.
        case "found" where words[1].contains("is not whole"): break
        default: Issue.record("\(line)")
        }
        lines += 1
        if lines == 400 * round { crasher.kill() }
      }
      crasher.end()
      let storage = try SQLiteStorage.open(path: path)
      try storage.load(try storage.beginEpoch(), into: LoadedState())
      for id in enqueued {
        let record = try #require(try storage.reader.job(id: id), "round \(round) lost \(id)")
        #expect(!done.contains(id) || record.state == .succeeded && record.result == [1])
      }
      try checkStory(storage)
      try storage.close()
    }
    #expect(done.count > 500)
  }
}

/// Checks that what the events tell is what the jobs are, with no cursor missing.
func checkStory(_ storage: any Storage) throws {
  var states: [String: JobState] = [:]
  var cursor: Int64 = 0
  while case .events(let events, _) = try storage.reader.events(after: cursor, limit: 500), !events.isEmpty {
    for event in events {
      #expect(event.cursor == cursor + 1)
      cursor = event.cursor
      switch event.kind {
      case .enqueued: states[event.jobID] = .ready
      case .started: states[event.jobID] = .running
      case .succeeded: states[event.jobID] = .succeeded
      default: break
      }
    }
  }
  var query = JobQuery()
  query.limit = 1_000
  var found: [String: JobState] = [:]
  repeat {
    let page = try storage.reader.jobs(query)
    for record in page.jobs { found[record.job.id] = record.state }
    query.before = page.next
  } while query.before != nil
  #expect(found == states)
}

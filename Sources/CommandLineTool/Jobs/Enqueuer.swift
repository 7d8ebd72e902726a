import ArgumentParser
import GKick
import Glibc
import Jobs

/// Stores one job, or with --lines one for each line of standard input, a batch at a time.
struct Enqueuer {
  let job: JobFlags
  let when: JobRequest.When

  func run(_ remote: Remote, _ output: Output) async throws {
    if job.lines { return try await runLines(remote, output) }
    var request = job.request(when, now: .now)
    request.payload = try job.readPayload()
    let stored = try await remote.jobs.backend.enqueue(request, durability: job.durability)
    output.print(Self.json(stored), stored.id)
    if stored.isDuplicate, !output.json {
      Terminal.note("it was there already (\(stored.state.name)): nothing was stored")
    }
  }

  private func runLines(_ remote: Remote, _ output: Output) async throws {
    let request = job.request(when, now: .now)
    var lines = Lines()
    // Ids that scroll by on a terminal are progress enough.
    let showsProgress = !Terminal.isInteractive
    var bar = ProgressBar("enqueue", total: Terminal.inputSize ?? 0)
    var batch: [JobRequest] = []
    var bytes = 0
    var done = 0
    var failed = 0
    // None was refused for good.
    var isLater = true
    func flush() async throws {
      guard !batch.isEmpty else { return }
      let results = try await remote.jobs.backend.enqueue(batch, allOrNothing: false, durability: job.durability)
      for (asked, result) in zip(batch, results) {
        switch result {
        case .failure(let error):
          failed += 1
          isLater = isLater && error.code == .limitReached && !error.message.contains("over the limit")
          Terminal.note("gkick: a job was refused: \(Table.onOneLine(error.message))")
        case .success(var stored):
          // One with the id made here that was there already came with an answer that was lost on its way.
          if stored.id == asked.id { stored.isDuplicate = false }
          output.print(Self.json(stored), stored.id)
        }
        done += 1
      }
      batch = []
      bytes = 0
      if showsProgress { bar.update(lines.bytesRead, note: Format.jobs(done)) }
    }
    while let line = lines.next() {
      var one = request
      // An id of its own, so that a batch can be sent again when the server was away.
      one.id = MadeID.make()
      one.payload = line
      batch.append(one)
      bytes += line.count
      // A batch is at most 1,000 jobs and one message, which servers take up to 4 MiB.
      if batch.count == 1_000 || bytes > 1 << 20 { try await flush() }
    }
    try await flush()
    bar.finish()
    if failed > 0 { throw ExitCode(isLater ? ExitCodes.unavailable : ExitCodes.refused) }
  }

  private static func json(_ stored: Enqueued) -> JSONValue {
    .members([
      ("id", .string(stored.id)), ("state", .string(stored.state.name)),
      ("duplicate", stored.isDuplicate ? .bool(true) : nil), ("run_at", JobDocument.time(stored.runAt)),
      ("durability", stored.durability.map { .string($0.name) }),
    ])
  }
}

/// The lines of standard input, without their ends.
struct Lines {
  private var buffer: [UInt8] = []
  private var start = 0
  private var atEnd = false
  private(set) var bytesRead: UInt64 = 0

  mutating func next() -> [UInt8]? {
    while true {
      if let end = buffer[start...].firstIndex(of: UInt8(ascii: "\n")) {
        defer { start = end + 1 }
        return Array(buffer[start..<end])
      }
      if atEnd {
        defer { start = buffer.count }
        return start < buffer.count ? Array(buffer[start...]) : nil
      }
      buffer.removeSubrange(..<start)
      start = 0
      var chunk = [UInt8](repeating: 0, count: 65_536)
      // The buffer is as long as its count says.
      let count = unsafe chunk.withUnsafeMutableBytes { unsafe read(STDIN_FILENO, $0.baseAddress, $0.count) }
      if count > 0 {
        buffer += chunk[0..<count]
        bytesRead += UInt64(count)
      } else if count == 0 || errno != EINTR {
        atEnd = true
      }
    }
  }
}

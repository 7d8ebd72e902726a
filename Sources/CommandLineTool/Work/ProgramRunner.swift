import GKick
import Synchronization

/// Runs one program for one job, and makes its end the job's.
final class ProgramRunner: Sendable {
  struct Settings: Sendable {
    /// For sh -c.
    var command: String
    /// How long a job waits that the program gave back, or that no program could be started for.
    var snooze: Duration
    /// Bytes of standard output that are taken as the result.
    var maxResult: Int
    /// From SIGTERM to SIGKILL.
    var grace: Duration
    /// Whether what programs say on standard error becomes log lines with the job's id; else it is passed on as it is.
    var logsWords: Bool
  }

  /// sysexits.h: the input is wrong, and will be.
  static let neverRetry: Int32 = 65
  /// sysexits.h: try again later.
  static let giveBack: Int32 = 75
  /// The shell's: there, but not executable; not there.
  static let cannotStart: ClosedRange<Int32> = 126...127

  struct ProgramFailed: Error, CustomStringConvertible {
    let description: String
  }

  private let settings: Settings
  private let running = Mutex(Running())

  private struct Running {
    var runs: [ObjectIdentifier: ProgramRun] = [:]
    var mustEnd = false
  }

  init(_ settings: Settings) { self.settings = settings }

  /// SIGKILL to every program, those that are started later too.
  func killAll() {
    let runs = running.withLock { running in
      running.mustEnd = true
      return Array(running.runs.values)
    }
    for run in runs { run.stop(atOnce: true) }
  }

  func run(_ job: JobContext) async throws -> JobResult {
    let run = ProgramRun(order(for: job))
    let mustEnd = running.withLock { running in
      running.runs[ObjectIdentifier(run)] = run
      return running.mustEnd
    }
    defer { running.withLock { _ = $0.runs.removeValue(forKey: ObjectIdentifier(run)) } }
    if mustEnd { throw CancellationError() }
    let result: ProgramRun.Result
    do {
      result = try await withTaskCancellationHandler {
        try await run.result()
      } onCancel: {
        run.stop()
      }
    } catch let failure as ChildProcess.NotStarted {
      throw cannotStart(job, failure.reason)
    }
    try Task.checkCancellation()
    return try outcome(of: result, job)
  }

  private func outcome(of result: ProgramRun.Result, _ job: JobContext) throws -> JobResult {
    // The last lines tell most.
    let why = String(String(decoding: result.lastWords, as: UTF8.self).suffix(2_000)).trimmed
    switch result.end {
    case .exited(0):
      guard result.outputSize <= settings.maxResult else {
        throw ResultTooLarge(size: result.outputSize, limit: settings.maxResult)
      }
      return JobResult(result.output)
    case .exited(Self.neverRetry): throw Discard(why.isEmpty ? "exit code \(Self.neverRetry)" : why)
    case .exited(Self.giveBack): throw Snooze(for: settings.snooze)
    case .exited(let code) where Self.cannotStart.contains(code):
      throw cannotStart(job, why.isEmpty ? "exit code \(code)" : why)
    case .exited(let code): throw ProgramFailed(description: why.isEmpty ? "exit code \(code)" : why)
    case .signaled(let signal):
      throw ProgramFailed(description: "ended by signal \(signal)" + (why.isEmpty ? "" : ": \(why)"))
    }
  }

  /// That is this worker's fault, not the job's: another worker, or this one when it is mended, may do better.
  private func cannotStart(_ job: JobContext, _ why: String) -> Snooze {
    job.logger.error(
      "the program cannot be started: the job is given back",
      metadata: ["error": "\(why)", "again_in": "\(settings.snooze)"])
    return Snooze(for: settings.snooze)
  }

  // MARK: - What the program is given

  private func order(for job: JobContext) -> ProgramRun.Order {
    let logger = job.logger
    let logsWords = settings.logsWords
    return ProgramRun.Order(
      command: settings.command, variables: Self.variables(of: job), input: job.payload,
      maxOutput: settings.maxResult, grace: settings.grace,
      said: { line in
        if logsWords {
          logger.notice("\(String(decoding: line, as: UTF8.self))", metadata: ["stream": "stderr"])
        } else {
          ServerLog.write(line + [UInt8(ascii: "\n")])
        }
      },
      reported: { line in
        switch ProgramReport(line) {
        case .progress(let percent, let message): job.progress(percent, message)
        case .log(let text): logger.notice("\(text)")
        case nil: break
        }
      })
  }

  private static func variables(of job: JobContext) -> [(String, String)] {
    var variables = [
      ("GKICK_JOB_ID", job.id), ("GKICK_JOB_NAME", job.name), ("GKICK_JOB_QUEUE", job.queue),
      ("GKICK_JOB_ATTEMPT", String(job.attempt)), ("GKICK_JOB_MAX_ATTEMPTS", String(job.maxAttempts)),
      ("GKICK_JOB_TOKEN", String(job.fencingToken)), ("GKICK_JOB_CONTENT_TYPE", job.contentType),
      ("GKICK_REPORT", "/dev/fd/\(ChildProcess.reportDescriptor)"),
    ]
    var taken: Set<String> = []
    for (key, value) in job.metadata.sorted(by: { $0.key < $1.key }) {
      let name = metadataVariable(key)
      // Two keys can come out alike ("a-b", "a.b"): the first in order has the name.
      if taken.insert(name).inserted { variables.append((name, value)) }
    }
    // The environment cannot hold a NUL: what follows one is not handed on.
    return variables.map { ($0, String($1.prefix { $0 != "\0" })) }
  }

  /// `trace-id` as `GKICK_METADATA_TRACE_ID`: all but letters and digits of ASCII become `_`.
  static func metadataVariable(_ key: String) -> String {
    var name = "GKICK_METADATA_"
    for scalar in key.unicodeScalars {
      let isPlain = scalar.isASCII && (scalar.properties.isAlphabetic || ("0"..."9").contains(scalar))
      name += isPlain ? scalar.properties.uppercaseMapping : "_"
    }
    return name
  }
}

extension String {
  fileprivate var trimmed: String {
    var text = Substring(self)
    while let last = text.last, last.isWhitespace { text.removeLast() }
    return String(text)
  }
}

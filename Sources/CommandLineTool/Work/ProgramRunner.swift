import GKick
import Glibc
import Subprocess

/// Runs one program for one job.
struct ProgramRunner: Sendable {
  /// For sh -c.
  let command: String
  let snooze: Duration
  /// Bytes of standard output that are taken as the result; more fails the job.
  let maxResult: Int

  /// sysexits.h: the input is wrong, and will be.
  static let neverRetry: Int32 = 65
  /// sysexits.h: try again later.
  static let giveBack: Int32 = 75

  struct ProgramFailed: Error, CustomStringConvertible {
    let description: String
  }

  func run(_ job: JobContext) async throws -> JobResult {
    var options = PlatformOptions()
    // A group of its own, so that the terminal's Ctrl-C reaches the worker only, and the children of a shell end with it.
    options.processGroupID = 0
    options.teardownSequence = [
      .send(signal: .terminate, toProcessGroup: true, allowedDurationToNextStep: .seconds(10))
    ]
    let result = try await Subprocess.run(
      .path("/bin/sh"), arguments: ["-c", command], environment: .inherit.updating(variables(of: job)),
      platformOptions: options, input: .array(job.payload), output: .bytes(limit: maxResult),
      error: .bytes(limit: 1 << 20))
    try Task.checkCancellation()
    let said = String(decoding: result.standardError, as: UTF8.self)
    if !said.isEmpty { Terminal.write(said, to: STDERR_FILENO) }
    // The last lines tell most.
    let why = said.suffix(2_000).trimmed
    switch result.terminationStatus {
    case .exited(0): return JobResult(result.standardOutput)
    case .exited(Self.neverRetry): throw Discard(why.isEmpty ? "exit code \(Self.neverRetry)" : why)
    case .exited(Self.giveBack): throw Snooze(for: snooze)
    case .exited(let code): throw ProgramFailed(description: why.isEmpty ? "exit code \(code)" : why)
    case .signaled(let signal):
      throw ProgramFailed(description: "ended by signal \(signal)" + (why.isEmpty ? "" : ": \(why)"))
    }
  }

  private func variables(of job: JobContext) -> [Environment.Key: String?] {
    [
      "GKICK_JOB_ID": job.id, "GKICK_JOB_NAME": job.name, "GKICK_JOB_QUEUE": job.queue,
      "GKICK_JOB_ATTEMPT": String(job.attempt), "GKICK_JOB_MAX_ATTEMPTS": String(job.maxAttempts),
      "GKICK_JOB_TOKEN": String(job.fencingToken), "GKICK_JOB_CONTENT_TYPE": job.contentType,
    ]
  }
}

extension StringProtocol {
  fileprivate var trimmed: String {
    var text = Substring(self)
    while let last = text.last, last.isWhitespace { text.removeLast() }
    return String(text)
  }
}

import ArgumentParser
import Jobs
import Wire

/// `gkick job ID`.
struct JobCommand: RemoteCommand {
  static let configuration = CommandConfiguration(commandName: "job", abstract: "Show one job.")

  @Argument(help: "The job's id.") var id: String
  @Flag(help: "Say why it is not running, and when it could be.") var explain = false
  @OptionGroup var client: ClientFlags

  func run(_ remote: Remote, _ output: Output) async throws {
    guard explain else {
      let job = try await remote.job(id)
      return output.print(JobDocument.json(job), JobDocument.page(job, now: Remote.now, output: output))
    }
    let explanation = try await remote.explain(id)
    let job = explanation.job
    if output.json {
      let reasons = explanation.reasons.map { reason -> JSONValue in
        .members([
          ("hindrance", .string(String(describing: reason.hindrance))), ("text", .string(reason.text)),
          ("job_ids", reason.jobIDs.isEmpty ? nil : .array(reason.jobIDs.map { JSONValue.string($0) })),
          ("not_before", JobDocument.time(reason.notBefore)),
        ])
      }
      let whole: JSONValue = .object([
        ("job", JobDocument.json(job)), ("reasons", .array(reasons)), ("jobs_ahead", .unsigned(explanation.jobsAhead)),
      ])
      return Terminal.print(whole.text)
    }
    Terminal.print(JobDocument.page(job, now: Remote.now, output: output))
    if explanation.reasons.isEmpty { Terminal.print("\nNothing hinders it: it is \(job.state.name).") }
    for reason in explanation.reasons {
      let time = reason.notBefore.map { " (not before \(Format.time($0)))" } ?? ""
      Terminal.print("\n- \(reason.text)\(time)")
      for id in reason.jobIDs { Terminal.print("    \(id)") }
    }
  }
}

/// `gkick wait ID`.
struct WaitCommand: RemoteCommand {
  static let configuration = CommandConfiguration(
    commandName: "wait", abstract: "Wait until a job has ended, and print its result.",
    discussion: "Ends with 0 when it succeeded, 2 when it ended otherwise, 124 when --for was over before.")

  @Argument(help: "The job's id.") var id: String
  @Option(
    name: .customLong("for"), help: ArgumentHelp("At most so long. (default: until it ends)", valueName: "time"))
  var limit: String?
  @OptionGroup var client: ClientFlags

  func validate() throws {
    if let limit, IntervalText.parse(limit) == nil {
      throw ValidationError("--for: '\(limit)' is not \(IntervalText.form)")
    }
  }

  func run(_ remote: Remote, _ output: Output) async throws {
    let end = limit.flatMap(IntervalText.parse).map { Remote.now + $0 }
    var bar = ProgressBar(id, total: 100)
    // In turns, so that a server that went away is noticed, and on a terminal the job's progress seen.
    let longest = Terminal.showsProgress ? Interval.seconds(1) : .minutes(1)
    while true {
      let turn = min(longest, end.map { $0 - Remote.now } ?? longest)
      let job = try await remote.wait(id, atMost: max(turn, .milliseconds(50)))
      if let progress = job.progress, !job.state.isFinal {
        bar.update(UInt64(progress.percent), note: Table.onOneLine(progress.message))
      }
      if job.state.isFinal {
        bar.finish()
        if output.json {
          Terminal.print(JobDocument.json(job).text)
        } else if job.state == .succeeded {
          Terminal.write(job.result, to: 1)
          if Terminal.isInteractive, job.result.last != UInt8(ascii: "\n") { Terminal.print("") }
        } else {
          let why = job.failures.last.map { ": \($0.type) \($0.message)" } ?? ""
          Terminal.note("the job ended as \(job.state.name)\(Table.onOneLine(why))")
        }
        if job.state != .succeeded { throw ExitCode(ExitCodes.jobFailed) }
        return
      }
      if let end, Remote.now >= end {
        bar.finish()
        Terminal.note("the job is still \(job.state.name)")
        throw ExitCode(ExitCodes.timedOut)
      }
    }
  }
}

/// `gkick cancel ID ...`.
struct CancelCommand: RemoteCommand {
  static let configuration = CommandConfiguration(
    commandName: "cancel", abstract: "Cancel jobs: a running one's worker is told to stop.")

  @Argument(help: "Ids of jobs.") var ids: [String]
  @Option(help: "Why; the worker and those who look see it.") var reason = ""
  @OptionGroup var client: ClientFlags

  func run(_ remote: Remote, _ output: Output) async throws {
    for id in ids {
      let job = try await remote.cancel(id, reason: reason)
      let state = job.state == .running ? "RUNNING, its worker was told" : job.state.name
      output.print(JobDocument.json(job), "\(id) \(state)")
    }
  }
}

/// `gkick retry`.
struct RetryCommand: RemoteCommand {
  static let configuration = CommandConfiguration(
    commandName: "retry", abstract: "Make ended or retrying jobs ready now: some by id, or all of a queue that match.")

  @Argument(help: "Ids of jobs.") var ids: [String] = []
  @Option(name: [.short, .long], help: "All dead jobs of this queue (other states with --state).") var queue: String?
  @Option(
    name: [.short, .long], help: "With --queue: these states.", completion: .list(StateName.all),
    transform: StateName.parse)
  var state: [JobState] = []
  @Option(name: [.short, .long], help: "With --queue: only this name.") var name = ""
  @Flag(help: "Count the attempts afresh.") var resetAttempts = false
  @OptionGroup var client: ClientFlags

  func validate() throws {
    guard ids.isEmpty != (queue == nil) else { throw ValidationError("give either ids or --queue") }
  }

  func run(_ remote: Remote, _ output: Output) async throws {
    for id in ids {
      let job = try await remote.retry(id, resetAttempts: resetAttempts)
      output.print(JobDocument.json(job), "\(id) \(job.state.name)")
    }
    if let queue {
      let count = try await remote.retryAll(queue: queue, states: state, name: name, resetAttempts: resetAttempts)
      output.print(.object([("retried", .unsigned(count))]), "\(Format.count(count)) jobs are ready again")
    }
  }
}

/// `gkick delete ID ...`.
struct DeleteCommand: RemoteCommand {
  static let configuration = CommandConfiguration(
    commandName: "delete", abstract: "Forget jobs that are not running.")

  @Argument(help: "Ids of jobs.") var ids: [String]
  @OptionGroup var client: ClientFlags

  func run(_ remote: Remote, _ output: Output) async throws {
    for id in ids {
      try await remote.delete(id)
      output.print(.object([("deleted", .string(id))]), "\(id) deleted")
    }
  }
}

import ArgumentParser
import GKick
import Jobs

/// `gkick job ID`.
struct JobCommand: RemoteCommand {
  static let configuration = CommandConfiguration(commandName: "job", abstract: "Show one job.")

  @Argument(help: "The job's id.") var id: String
  @Flag(help: "Say why it is not running, and when it could be.") var explain = false
  @OptionGroup var client: ClientFlags

  func run(_ remote: Remote, _ output: Output) async throws {
    guard explain else {
      let job = try await remote.jobs.job(id)
      return output.print(JobDocument.json(job), JobDocument.page(job, now: .now, output: output))
    }
    let explanation = try await remote.jobs.explain(id)
    let job = explanation.job
    if output.json {
      let reasons = explanation.reasons.map { reason -> JSONValue in
        .members([
          ("hindrance", .string(String(describing: reason.hindrance))), ("text", .string(reason.text)),
          ("job_ids", reason.jobIDs.isEmpty ? nil : .array(reason.jobIDs.map { JSONValue.string($0) })),
          ("not_before", JobDocument.time(reason.notBefore?.timestamp)),
        ])
      }
      let whole: JSONValue = .object([
        ("job", JobDocument.json(job)), ("reasons", .array(reasons)),
        ("jobs_ahead", JobDocument.count(explanation.jobsAhead)),
      ])
      return Terminal.print(whole.text)
    }
    Terminal.print(JobDocument.page(job, now: .now, output: output))
    if explanation.reasons.isEmpty { Terminal.print("\nNothing hinders it: it is \(job.state.name).") }
    for reason in explanation.reasons {
      let time = reason.notBefore.map { " (not before \(Format.time($0.timestamp)))" } ?? ""
      Terminal.print("\n- \(Table.onOneLine(reason.text))\(time)")
      for id in reason.jobIDs { Terminal.print("    \(Table.onOneLine(id))") }
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
    name: .customLong("for"), help: ArgumentHelp("At most so long. (default: until it ends)", valueName: "time"),
    transform: IntervalText.read)
  var limit: Interval?
  @OptionGroup var client: ClientFlags

  func run(_ remote: Remote, _ output: Output) async throws {
    let clock = ContinuousClock()
    let end = limit.map { clock.now + $0.duration }
    var bar = ProgressBar(id, total: 100)
    // Answered at once: from here on a restart of the server is waited for.
    _ = try await remote.jobs.job(id)
    // In turns, so that a server that went away is noticed, and on a terminal the job's progress seen.
    let longest = Terminal.showsProgress ? Duration.seconds(1) : .seconds(60)
    while true {
      let job = try await remote.jobs.backend.wait(
        for: id, timeout: max(min(longest, end.map { $0 - clock.now } ?? longest), .milliseconds(50)))
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
      if let end, clock.now >= end {
        bar.finish()
        Terminal.note("the job is still \(job.state.name)")
        throw ExitCode(ExitCodes.timedOut)
      }
    }
  }
}

/// `gkick cancel`.
struct CancelCommand: RemoteCommand {
  static let configuration = CommandConfiguration(
    commandName: "cancel",
    abstract: "Cancel jobs, by id or all that match: a running one's worker is told to stop.")

  @OptionGroup var bulk: BulkFlags
  @Option(help: "Why; the worker and those who look see it.") var reason = ""
  @OptionGroup var client: ClientFlags

  func run(_ remote: Remote, _ output: Output) async throws {
    for id in bulk.ids {
      let job = try await remote.jobs.cancel(id, reason: reason)
      let state = job.state == .running ? "RUNNING, its worker was told" : job.state.name
      output.print(JobDocument.json(job), "\(Table.onOneLine(id)) \(state)")
    }
    guard bulk.choosesMany else { return }
    try await bulk.change(
      remote, output, .cancel(reason: reason), matching: bulk.selection(now: .now), action: "Cancel", key: "canceled")
  }
}

/// `gkick retry`.
struct RetryCommand: RemoteCommand {
  static let configuration = CommandConfiguration(
    commandName: "retry", abstract: "Make ended or retrying jobs ready now, by id or all that match.",
    discussion: "Without --state all dead jobs that match.")

  @OptionGroup var bulk: BulkFlags
  @Flag(help: "Count the attempts afresh.") var resetAttempts = false
  @OptionGroup var client: ClientFlags

  func run(_ remote: Remote, _ output: Output) async throws {
    for id in bulk.ids {
      let job = try await remote.jobs.retry(id, resetAttempts: resetAttempts)
      output.print(JobDocument.json(job), "\(Table.onOneLine(id)) \(job.state.name)")
    }
    guard bulk.choosesMany else { return }
    let count: Int
    if let queue = bulk.queue, bulk.batch == nil, bulk.olderThan == nil {
      // Every server has this call.
      count = try await remote.admin.retryJobs(
        queue: queue, states: Set(bulk.state), name: bulk.name ?? "", resetAttempts: resetAttempts)
    } else {
      var selection = bulk.selection(now: .now)
      if selection.states.isEmpty { selection.states = [.dead] }
      let change = JobAction.retry(resetAttempts: resetAttempts)
      return try await bulk.change(
        remote, output, change, matching: selection, action: "Retry", key: "retried")
    }
    output.print(
      .object([("retried", JobDocument.count(count))]), "\(Format.jobs(count)) \(count == 1 ? "is" : "are") ready again"
    )
  }
}

/// `gkick delete`.
struct DeleteCommand: RemoteCommand {
  static let configuration = CommandConfiguration(
    commandName: "delete", abstract: "Forget jobs that are not running, by id or all that match.")

  @OptionGroup var bulk: BulkFlags
  @OptionGroup var client: ClientFlags

  func run(_ remote: Remote, _ output: Output) async throws {
    for id in bulk.ids {
      try await remote.jobs.delete(id)
      output.print(.object([("deleted", .string(id))]), "\(Table.onOneLine(id)) deleted")
    }
    guard bulk.choosesMany else { return }
    try await bulk.change(
      remote, output, .delete, matching: bulk.selection(now: .now), action: "Delete for good", key: "deleted")
  }
}

import ArgumentParser
import Jobs

/// `gkick queues`.
struct QueuesCommand: RemoteCommand {
  static let configuration = CommandConfiguration(
    commandName: "queues", abstract: "Show all queues and how they stand.")

  @OptionGroup var client: ClientFlags

  func run(_ remote: Remote, _ output: Output) async throws {
    let queues = try await remote.queues()
    output.print(
      queues, Self.json,
      table: { Self.table(queues) },
      ifNone: "no queues yet: `gkick enqueue NAME` makes the first")
  }

  static func table(_ queues: [QueueView]) -> Table {
    var table = Table(
      "QUEUE", "#READY", "#SCHEDULED", "#RUNNING", "#DEAD", "#BLOCKED", "#SUCCEEDED", "#FAILED", "#OLDEST", "#WORKERS",
      "")
    for queue in queues {
      let figures = queue.statistics
      table.add(
        [figures.name]
          + [
            figures.ready, figures.scheduled, figures.running, figures.dead, figures.blocked, figures.succeededTotal,
            figures.failedTotal,
          ].map(Format.count)
          + [
            queue.oldestReadyAge.map(Format.interval) ?? "-", String(queue.workers), figures.paused ? "paused" : "",
          ])
    }
    return table
  }

  static func json(_ queue: QueueView) -> JSONValue {
    let figures = queue.statistics
    return .members([
      ("name", .string(figures.name)), ("paused", .bool(figures.paused)), ("ready", .unsigned(figures.ready)),
      ("scheduled", .unsigned(figures.scheduled)), ("running", .unsigned(figures.running)),
      ("dead", .unsigned(figures.dead)), ("blocked", .unsigned(figures.blocked)),
      ("succeeded_total", .unsigned(figures.succeededTotal)), ("failed_total", .unsigned(figures.failedTotal)),
      ("oldest_ready_age_seconds", queue.oldestReadyAge.map { .number($0.seconds) }),
      ("workers", .unsigned(UInt64(queue.workers))),
    ])
  }
}

/// `gkick pause QUEUE`.
struct PauseCommand: RemoteCommand {
  static let configuration = CommandConfiguration(
    commandName: "pause", abstract: "Start nothing new from a queue; what runs goes on.")

  @Argument(help: "The queue.") var queue: String
  @OptionGroup var client: ClientFlags

  func run(_ remote: Remote, _ output: Output) async throws {
    try await remote.pause(queue)
    output.print(.object([("paused", .string(queue))]), "\(queue) is paused; `gkick resume \(queue)` goes on")
  }
}

/// `gkick resume QUEUE`.
struct ResumeCommand: RemoteCommand {
  static let configuration = CommandConfiguration(commandName: "resume", abstract: "Let a paused queue go on.")

  @Argument(help: "The queue.") var queue: String
  @OptionGroup var client: ClientFlags

  func run(_ remote: Remote, _ output: Output) async throws {
    try await remote.resume(queue)
    output.print(.object([("resumed", .string(queue))]), "\(queue) goes on")
  }
}

/// `gkick purge QUEUE`.
struct PurgeCommand: RemoteCommand {
  static let configuration = CommandConfiguration(
    commandName: "purge", abstract: "Delete a queue's waiting and finished jobs for good.")

  @Argument(help: "The queue.") var queue: String
  @Option(
    name: [.short, .long], help: "Only these states; may be given several times. (default: all but running)",
    completion: .list(StateName.all), transform: StateName.parse)
  var state: [JobState] = []
  @Flag(name: [.short, .long], help: "Do not ask.") var yes = false
  @OptionGroup var client: ClientFlags

  func run(_ remote: Remote, _ output: Output) async throws {
    if !yes {
      guard Terminal.isInteractive else {
        Terminal.note("gkick: this deletes jobs for good; say --yes")
        throw ExitCode(ExitCodes.usage)
      }
      let which = state.isEmpty ? "all jobs that do not run" : "the \(state.map(\.name).joined(separator: ", ")) jobs"
      Terminal.show("Delete \(which) of \(queue) for good? [y/N] ")
      guard let answer = readLine(), ["y", "yes"].contains(answer.lowercased()) else {
        throw ExitCode(ExitCodes.failed)
      }
    }
    let count = try await remote.purge(queue, states: state)
    output.print(.object([("deleted", .unsigned(count))]), "\(Format.count(count)) jobs deleted")
  }
}

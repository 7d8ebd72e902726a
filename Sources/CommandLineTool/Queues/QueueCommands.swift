import ArgumentParser
import GKick
import Jobs

/// `gkick queues`.
struct QueuesCommand: RemoteCommand {
  static let configuration = CommandConfiguration(
    commandName: "queues", abstract: "Show all queues and how they stand.")

  @Option(help: "Only those whose names begin so.") var prefix = ""
  @OptionGroup var client: ClientFlags

  func run(_ remote: Remote, _ output: Output) async throws {
    let queues = try await remote.admin.queues(prefix: prefix)
    output.print(
      queues, Self.json,
      table: { Self.table(queues) },
      ifNone: prefix.isEmpty ? "no queues yet: `gkick enqueue NAME` makes the first" : "no queue begins so")
  }

  static func table(_ queues: [QueueInfo]) -> Table {
    var table = Table(
      "QUEUE", "#READY", "#SCHEDULED", "#RUNNING", "#DEAD", "#BLOCKED", "#SUCCEEDED", "#FAILED", "#OLDEST", "#WORKERS",
      "")
    for queue in queues {
      table.add(
        [queue.name]
          + [
            queue.ready, queue.scheduled, queue.running, queue.dead, queue.blocked, queue.succeededTotal,
            queue.failedTotal,
          ].map(Format.count)
          + [
            queue.oldestReadyAge.map { Format.interval($0.interval) } ?? "-", String(queue.workers),
            queue.isPaused ? "paused" : "",
          ])
    }
    return table
  }

  static func json(_ queue: QueueInfo) -> JSONValue {
    .members([
      ("name", .string(queue.name)), ("paused", .bool(queue.isPaused)), ("ready", JobDocument.count(queue.ready)),
      ("scheduled", JobDocument.count(queue.scheduled)), ("running", JobDocument.count(queue.running)),
      ("dead", JobDocument.count(queue.dead)), ("blocked", JobDocument.count(queue.blocked)),
      ("succeeded_total", JobDocument.count(queue.succeededTotal)),
      ("failed_total", JobDocument.count(queue.failedTotal)),
      ("oldest_ready_age_seconds", queue.oldestReadyAge.map { .number($0.interval.seconds) }),
      ("workers", JobDocument.count(queue.workers)),
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
    try await remote.admin.pause(queue)
    output.print(.object([("paused", .string(queue))]), "\(queue) is paused; `gkick resume \(queue)` goes on")
  }
}

/// `gkick resume QUEUE`.
struct ResumeCommand: RemoteCommand {
  static let configuration = CommandConfiguration(commandName: "resume", abstract: "Let a paused queue go on.")

  @Argument(help: "The queue.") var queue: String
  @OptionGroup var client: ClientFlags

  func run(_ remote: Remote, _ output: Output) async throws {
    try await remote.admin.resume(queue)
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
    let which = state.isEmpty ? "all jobs that do not run" : "the \(state.map(\.name).joined(separator: ", ")) jobs"
    try Confirmation.ask("Delete \(which) of \(Table.onOneLine(queue)) for good?", isGiven: yes)
    let count = try await remote.admin.purge(queue, states: Set(state))
    output.print(.object([("deleted", JobDocument.count(count))]), "\(Format.jobs(count)) deleted")
  }
}

/// `gkick delete-queue QUEUE`.
struct DeleteQueueCommand: RemoteCommand {
  static let configuration = CommandConfiguration(
    commandName: "delete-queue", abstract: "Forget a queue that has no jobs, with its totals and its pause.")

  @Argument(help: "The queue.") var queue: String
  @OptionGroup var client: ClientFlags

  func run(_ remote: Remote, _ output: Output) async throws {
    try await remote.admin.deleteQueue(queue)
    output.print(.object([("deleted", .string(queue))]), "\(queue) is forgotten")
  }
}

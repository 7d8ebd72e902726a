import ArgumentParser
import GKick
import Jobs
import struct Wire.BatchOrder
import struct Wire.JobSpec

/// `gkick batches`.
struct BatchesCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "batches", abstract: "Jobs that are followed as one, and what runs when they are done.",
    subcommands: [BatchesList.self, BatchesShow.self, BatchesJobs.self, BatchesPut.self, BatchesCancel.self],
    defaultSubcommand: BatchesList.self)
}

struct BatchesList: RemoteCommand {
  static let configuration = CommandConfiguration(commandName: "list", abstract: "Show batches, the newest first.")

  @Flag(help: "Only those that are not finished.") var unfinished = false
  @Option(name: [.customShort("l"), .long], help: "At most so many; 0: all.") var limit: UInt64 = 50
  @OptionGroup var client: ClientFlags

  func run(_ remote: Remote, _ output: Output) async throws {
    let most = limit == 0 ? Int.max : Int(clamping: limit)
    let batches = try await remote.admin.batches.list(unfinishedOnly: unfinished, limit: most)
    output.print(
      batches, Self.json, table: { Self.table(batches) },
      ifNone: unfinished ? "no unfinished batches" : "no batches: `gkick enqueue NAME --batch ID` makes one")
    if batches.count == most, !output.json { Terminal.note("there may be more: --limit 0 shows all") }
  }

  static func table(_ batches: [BatchInfo]) -> Table {
    var table = Table(
      "BATCH", "#JOBS", "#WAITING", "#RUNNING", "#SUCCEEDED", "#DEAD", "#CANCELED", "STATE", "DESCRIPTION")
    for batch in batches {
      table.add(
        [batch.id]
          + [batch.jobs, batch.waiting, batch.running, batch.succeeded, batch.dead, batch.canceled].map(Format.count)
          + [state(batch), batch.description])
    }
    return table
  }

  static func state(_ batch: BatchInfo) -> String {
    batch.finishedAt != nil ? "finished" : batch.isClosed ? "closed" : "open"
  }

  static func json(_ batch: BatchInfo) -> JSONValue {
    .members([
      ("id", .string(batch.id)), ("description", JobDocument.text(batch.description)),
      ("closed", .bool(batch.isClosed)), ("jobs", JobDocument.count(batch.jobs)),
      ("waiting", JobDocument.count(batch.waiting)), ("running", JobDocument.count(batch.running)),
      ("succeeded", JobDocument.count(batch.succeeded)), ("dead", JobDocument.count(batch.dead)),
      ("canceled", JobDocument.count(batch.canceled)), ("created_at", JobDocument.time(batch.createdAt.timestamp)),
      ("finished_at", JobDocument.time(batch.finishedAt?.timestamp)),
      ("on_finished_job_id", JobDocument.text(batch.onFinishedJobID)),
      ("on_succeeded_job_id", JobDocument.text(batch.onSucceededJobID)),
    ])
  }

  static func print(_ batch: BatchInfo, _ output: Output) {
    output.print(json(batch), page(batch, output))
  }

  private static func page(_ batch: BatchInfo, _ output: Output) -> String {
    var lines = [("batch", batch.id), ("state", state(batch))]
    func add(_ title: String, _ text: String?) {
      if let text, !text.isEmpty { lines.append((title, text)) }
    }
    add("description", batch.description)
    add("created", Format.time(batch.createdAt.timestamp))
    add("finished", batch.finishedAt.map { Format.time($0.timestamp) })
    for (title, count) in [
      ("jobs", batch.jobs), ("waiting", batch.waiting), ("running", batch.running), ("succeeded", batch.succeeded),
      ("dead", batch.dead), ("canceled", batch.canceled),
    ] {
      add(title, Format.count(count))
    }
    add("on finished", batch.onFinishedJobID)
    add("on succeeded", batch.onSucceededJobID)
    return output.page(lines.map { ($0, Table.onOneLine($1)) })
  }
}

struct BatchesShow: RemoteCommand {
  static let configuration = CommandConfiguration(commandName: "show", abstract: "Show one batch.")

  @Argument(help: "The batch.") var id: String
  @OptionGroup var client: ClientFlags

  func run(_ remote: Remote, _ output: Output) async throws {
    BatchesList.print(try await remote.admin.batches.batch(id), output)
  }
}

struct BatchesJobs: RemoteCommand {
  static let configuration = CommandConfiguration(
    commandName: "jobs", abstract: "List the jobs of a batch, newest first, as `gkick jobs --batch ID` does.")

  @Argument(help: "The batch.") var id: String
  @Option(
    name: [.short, .long], help: "Only this state, for example dead; may be given several times.",
    completion: .list(StateName.all), transform: StateName.parse)
  var state: [JobState] = []
  @Option(name: [.customShort("l"), .long], help: "At most so many; 0: all.") var limit: UInt64 = 50
  @OptionGroup var client: ClientFlags

  func run(_ remote: Remote, _ output: Output) async throws {
    // Its jobs may be forgotten; a batch that is not there is told from one without jobs.
    _ = try await remote.admin.batches.batch(id)
    try await JobsCommand.list(GKick.JobQuery(states: Set(state), batchID: id), limit: limit, remote, output)
  }
}

struct BatchesPut: RemoteCommand {
  static let configuration = CommandConfiguration(
    commandName: "put", abstract: "Make a batch, close it, or say what runs when its jobs are done.",
    discussion: """
      What is left out stays as it was. Example:
        gkick batches put import-7 --on-succeeded report.send --on-succeeded-payload 7
        gkick enqueue import.part --lines --batch import-7 <parts
        gkick batches put import-7 --close
      """)

  @Argument(help: "The batch. (default: the server makes an id)", transform: GivenText.read) var id: String?
  @Option(help: "For people, up to 256 bytes.") var description: String?
  @Flag(help: "No more jobs come from outside: it is finished when all its jobs are.") var close = false
  @Option(
    help: ArgumentHelp("The job that is enqueued when it is finished.", valueName: "name"), transform: GivenText.read)
  var onFinished: String?
  @Option(help: ArgumentHelp("Its payload.", valueName: "text")) var onFinishedPayload: String?
  @Option(
    help: ArgumentHelp("The job that is enqueued when all have succeeded.", valueName: "name"),
    transform: GivenText.read)
  var onSucceeded: String?
  @Option(help: ArgumentHelp("Its payload.", valueName: "text")) var onSucceededPayload: String?
  @Option(name: [.short, .long], help: "The queue of these two. (default: default)", transform: GivenText.read)
  var queue: String?
  @OptionGroup var client: ClientFlags

  func validate() throws {
    guard onFinished != nil || onFinishedPayload == nil else {
      throw ValidationError("--on-finished-payload goes with --on-finished")
    }
    guard onSucceeded != nil || onSucceededPayload == nil else {
      throw ValidationError("--on-succeeded-payload goes with --on-succeeded")
    }
    guard queue == nil || onFinished != nil || onSucceeded != nil else {
      throw ValidationError("--queue goes with --on-finished or --on-succeeded; a batch has jobs of any queues")
    }
  }

  func run(_ remote: Remote, _ output: Output) async throws {
    func job(_ name: String?, _ payload: String?) -> JobSpec? {
      name.map { name in
        JobSpec(
          JobRequest(
            UntypedJob(name: name, payload: Array((payload ?? "").utf8), contentType: ""),
            options: JobOptions(queue: queue), when: .now))
      }
    }
    let batch = try await remote.admin.batches.put(
      BatchOrder(
        id: id ?? "", description: description ?? "", onFinished: job(onFinished, onFinishedPayload),
        onSucceeded: job(onSucceeded, onSucceededPayload), isClosed: close))
    output.print(BatchesList.json(batch), Table.onOneLine(batch.id))
  }
}

struct BatchesCancel: RemoteCommand {
  static let configuration = CommandConfiguration(
    commandName: "cancel", abstract: "Close a batch and cancel all its jobs that are not final.")

  @Argument(help: "The batch.") var id: String
  @Option(help: "Why; the workers and those who look see it.") var reason = ""
  @Flag(name: [.short, .long], help: "Do not ask.") var yes = false
  @OptionGroup var client: ClientFlags

  func run(_ remote: Remote, _ output: Output) async throws {
    if !yes {
      let batch = try await remote.admin.batches.batch(id)
      let count = batch.waiting + batch.running
      try Confirmation.ask(
        "Close batch \(Table.onOneLine(id)) and cancel \(Format.jobs(count))?", isGiven: count == 0)
    }
    BatchesList.print(try await remote.admin.batches.cancel(id, reason: reason), output)
  }
}

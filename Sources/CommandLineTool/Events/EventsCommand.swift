import ArgumentParser
import GKick
import Jobs

/// `gkick events`.
struct EventsCommand: RemoteCommand {
  static let configuration = CommandConfiguration(
    commandName: "events", abstract: "Follow what happens, from now on or from a cursor.",
    discussion: """
      Comes back by itself after a broken connection, without a gap. Examples:
        gkick events --queue mail --type dead --type failed
        gkick events --after 0 --json | jq .
      """)

  @Option(help: ArgumentHelp("Go on after this event; 0: from the oldest stored.", valueName: "cursor"))
  var after: Int64?
  @Option(name: [.short, .long], help: "Only this queue; may be given several times.", transform: GivenText.read)
  var queue: [String] = []
  @Option(name: [.short, .long], help: "Only this job name; may be given several times.", transform: GivenText.read)
  var name: [String] = []
  @Option(help: ArgumentHelp("Only this job; may be given several times.", valueName: "id"), transform: GivenText.read)
  var job: [String] = []
  @Option(
    name: [.short, .long], help: "Only this type, for example dead; may be given several times.",
    completion: .list(Self.kinds), transform: Self.kind)
  var type: [JobEvent.Kind] = []
  @Option(help: "Only this batch.", transform: GivenText.read) var batch: String = ""
  @Option(name: [.customShort("l"), .long], help: "End after so many.") var limit: UInt64?
  @OptionGroup var client: ClientFlags

  func run(_ remote: Remote, _ output: Output) async throws {
    var filter = EventFilter()
    filter.queues = queue
    filter.names = name
    filter.jobIDs = job
    filter.kinds = type
    filter.batchID = batch
    var cursor = after.map { String($0) } ?? ""
    var left = limit ?? .max
    var pause = Duration.milliseconds(100)
    var connected = false
    while left > 0 {
      do {
        let batches = try await remote.jobs.backend.events(filter, after: cursor)
        while let batch = try await batches.next() {
          connected = true
          pause = .milliseconds(100)
          for event in batch.events where left > 0 {
            left -= 1
            Terminal.print(output.json ? Self.json(event).text : Self.line(event, output))
          }
          if !batch.cursor.isEmpty { cursor = batch.cursor }
          if left == 0 { return batches.cancel() }
        }
      } catch let error as GKickError where error.code == .unavailable && connected {
        Terminal.note("gkick: the connection is lost, trying again (cursor \(cursor.isEmpty ? "0" : cursor))")
      }
      try await Task.sleep(for: pause)
      pause = min(pause * 2, .seconds(5))
    }
  }

  private static func line(_ event: JobEvent, _ output: Output) -> String {
    let kind = event.kind.name + String(repeating: " ", count: max(0, 19 - event.kind.name.count))
    let coloured =
      switch event.kind {
      case .succeeded: output.style.green(kind)
      case .dead: output.style.red(kind)
      case .failed, .leaseLost, .canceled, .expired: output.style.yellow(kind)
      default: kind
      }
    var parts = [output.style.dim(Format.clock(event.at.timestamp)), coloured]
    parts += [event.queue, event.name, event.jobID].map(Table.onOneLine).filter { !$0.isEmpty }
    if event.attempt > 1 { parts.append("attempt \(event.attempt)") }
    if !event.workerID.isEmpty { parts.append("on \(Table.onOneLine(event.workerID))") }
    if let failure = event.failure {
      let again = event.nextRunAt.map { ", again at \(Format.clock($0.timestamp))" } ?? ""
      parts.append(Table.onOneLine("\(failure.type): \(failure.message)\(again)"))
    } else if let next = event.nextRunAt {
      parts.append("for \(Format.time(next.timestamp))")
    }
    if let progress = event.progress { parts.append(Table.onOneLine("\(progress.percent)% \(progress.message)")) }
    if !event.call.isEmpty { parts.append(Table.onOneLine("\(event.call) by \(event.principal)")) }
    return parts.joined(separator: "  ")
  }

  private static func json(_ event: JobEvent) -> JSONValue {
    return .members([
      ("cursor", .string(event.cursor)), ("type", .string(event.kind.name)),
      ("at", JobDocument.time(event.at.timestamp)),
      ("job_id", JobDocument.text(event.jobID)), ("queue", JobDocument.text(event.queue)),
      ("name", JobDocument.text(event.name)),
      ("attempt", event.attempt > 0 ? JobDocument.count(event.attempt) : nil),
      ("worker_id", JobDocument.text(event.workerID)), ("batch_id", JobDocument.text(event.batchID)),
      ("failure", event.failure.map(JobDocument.failure)),
      (
        "progress",
        event.progress.map { .members([("percent", JobDocument.count($0.percent)), ("message", .string($0.message))]) }
      ),
      ("next_run_at", JobDocument.time(event.nextRunAt?.timestamp)),
      ("principal", JobDocument.text(event.principal)), ("call", JobDocument.text(event.call)),
    ])
  }

  private static let kinds = JobEvent.Kind.allCases.map { $0.name.lowercased() }

  private static func kind(_ text: String) throws -> JobEvent.Kind {
    guard let kind = JobEvent.Kind(name: text) else {
      throw ValidationError("'\(text)' is not an event type; there are: \(kinds.joined(separator: ", "))")
    }
    return kind
  }
}

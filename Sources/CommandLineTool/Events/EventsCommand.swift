import ArgumentParser
import Glibc
import Jobs
import RPC
import Wire

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
  @Option(name: [.short, .long], help: "Only this queue; may be given several times.") var queue: [String] = []
  @Option(name: [.short, .long], help: "Only this job name; may be given several times.") var name: [String] = []
  @Option(help: ArgumentHelp("Only this job; may be given several times.", valueName: "id")) var job: [String] = []
  @Option(
    name: [.short, .long], help: "Only this type, for example dead; may be given several times.",
    completion: .list(Self.kinds), transform: Self.kind)
  var type: [Event.Kind] = []
  @Option(help: "Only this batch.") var batch = ""
  @Option(name: [.customShort("l"), .long], help: "End after so many.") var limit: UInt64?
  @OptionGroup var client: ClientFlags

  func run(_ remote: Remote, _ output: Output) async throws {
    var request = EventsRequest(after: after)
    request.queues = queue
    request.names = name
    request.jobIDs = job
    request.kinds = Set(type)
    request.batchID = batch
    var left = limit ?? .max
    var pause = Interval.milliseconds(100)
    var connected = false
    while left > 0 {
      do {
        for try await batch in try await remote.events(request) {
          connected = true
          pause = .milliseconds(100)
          for event in batch.events where left > 0 {
            left -= 1
            Terminal.print(output.json ? Self.json(event).text : Self.line(event, output))
          }
          request.after = batch.cursor
          if left == 0 { return }
        }
      } catch let status as Status where status.code == .unavailable && connected {
        Terminal.note("gkick: the connection is lost, trying again (cursor \(request.after ?? 0))")
      }
      try await Task.sleep(for: .microseconds(pause.microseconds))
      pause = min(Interval(microseconds: pause.microseconds * 2), .seconds(5))
    }
  }

  private static func line(_ event: Event, _ output: Output) -> String {
    let kind = event.kind.name + String(repeating: " ", count: max(0, 19 - event.kind.name.count))
    let coloured =
      switch event.kind {
      case .succeeded: output.style.green(kind)
      case .dead: output.style.red(kind)
      case .failed, .leaseLost, .canceled, .expired: output.style.yellow(kind)
      default: kind
      }
    var parts = [output.style.dim(Format.clock(event.at)), coloured]
    parts += [event.queue, Table.onOneLine(event.name), event.jobID].filter { !$0.isEmpty }
    if event.attempt > 1 { parts.append("attempt \(event.attempt)") }
    if !event.workerID.isEmpty { parts.append("on \(Table.onOneLine(event.workerID))") }
    switch event.detail {
    case .none: break
    case .failure(let failure): parts.append(Table.onOneLine("\(failure.type): \(failure.message)"))
    case .retry(let failure, let next):
      parts.append(Table.onOneLine("\(failure.type): \(failure.message), again at \(Format.clock(next))"))
    case .progress(let progress): parts.append(Table.onOneLine("\(progress.percent)% \(progress.message)"))
    case .due(let time): parts.append("for \(Format.time(time))")
    case .audit(let principal, let call): parts.append(Table.onOneLine("\(call) by \(principal)"))
    }
    return parts.joined(separator: "  ")
  }

  private static func json(_ event: Event) -> JSONValue {
    var failure: Failure?
    var progress: Progress?
    var next: Timestamp?
    var principal = ""
    var call = ""
    switch event.detail {
    case .none: break
    case .failure(let value): failure = value
    case .retry(let value, let time): (failure, next) = (value, time)
    case .progress(let value): progress = value
    case .due(let time): next = time
    case .audit(let who, let what): (principal, call) = (who, what)
    }
    return .members([
      ("cursor", .string(String(event.cursor))), ("type", .string(event.kind.name)), ("at", JobDocument.time(event.at)),
      ("job_id", JobDocument.text(event.jobID)), ("queue", JobDocument.text(event.queue)),
      ("name", JobDocument.text(event.name)),
      ("attempt", event.attempt > 0 ? .unsigned(UInt64(event.attempt)) : nil),
      ("worker_id", JobDocument.text(event.workerID)), ("batch_id", JobDocument.text(event.batchID)),
      ("failure", failure.map(JobDocument.failure)),
      (
        "progress",
        progress.map { .members([("percent", .unsigned(UInt64($0.percent))), ("message", .string($0.message))]) }
      ),
      ("next_run_at", JobDocument.time(next)),
      ("principal", JobDocument.text(principal)), ("call", JobDocument.text(call)),
    ])
  }

  private static let kinds = Event.Kind.allCases.map { $0.name.lowercased() }

  private static func kind(_ text: String) throws -> Event.Kind {
    guard let kind = Event.Kind(name: text) else {
      throw ValidationError("'\(text)' is not an event type; there are: \(kinds.joined(separator: ", "))")
    }
    return kind
  }
}

import ArgumentParser
import GKick
import Jobs

/// `gkick jobs`.
struct JobsCommand: RemoteCommand {
  static let configuration = CommandConfiguration(commandName: "jobs", abstract: "List jobs, newest first.")

  @Option(name: [.short, .long], help: "Only this queue.", transform: GivenText.read)
  var queue: String?

  @Option(
    name: [.short, .long], help: "Only this state, for example dead; may be given several times.",
    completion: .list(StateName.all), transform: StateName.parse)
  var state: [JobState] = []

  @Option(name: [.short, .long], help: "Only this name.", transform: GivenText.read)
  var name: String?

  @Option(help: "Only this batch.", transform: GivenText.read)
  var batch: String?

  @Option(help: "Only this concurrency key.", transform: GivenText.read)
  var key: String?

  @Option(help: ArgumentHelp("Only this fairness key.", valueName: "key"), transform: GivenText.read)
  var fairnessKey: String?

  @Option(help: ArgumentHelp("Only those that this recurring job made.", valueName: "id"), transform: GivenText.read)
  var recurring: String?

  @Option(name: [.customShort("l"), .long], help: "At most so many; 0: all.")
  var limit: UInt64 = 50

  @OptionGroup var client: ClientFlags

  func run(_ remote: Remote, _ output: Output) async throws {
    let query = GKick.JobQuery(
      queue: queue, states: Set(state), name: name, batchID: batch, concurrencyKey: key, fairnessKey: fairnessKey,
      recurringJobID: recurring)
    try await Self.list(query, limit: limit, remote, output)
  }

  /// - Parameter limit: 0: all.
  static func list(_ query: GKick.JobQuery, limit: UInt64, _ remote: Remote, _ output: Output) async throws {
    var left = limit == 0 ? UInt64.max : limit
    var token = ""
    var table = Table("ID", "QUEUE", "NAME", "STATE", "#ATTEMPT", "AGE", "WHY")
    var count = 0
    repeat {
      let page = try await remote.jobs.backend.jobs(query, pageSize: Int(min(left, 1_000)), pageToken: token)
      for job in page.jobs {
        count += 1
        left -= 1
        if output.json {
          Terminal.print(JobDocument.json(job).text)
        } else {
          let why = job.waitingReason.isEmpty ? job.failures.last?.message ?? "" : job.waitingReason
          table.add([
            job.id, job.queue, job.name, job.state.name, String(job.attempt),
            Format.interval(Timestamp.now - job.createdAt.timestamp), String(why.prefix(60)),
          ])
        }
      }
      token = page.nextPageToken
    } while !token.isEmpty && left > 0
    guard !output.json else { return }
    if count == 0 { Terminal.note("no such jobs") } else { Terminal.print(table.text(style: output.style)) }
    if !token.isEmpty { Terminal.note("there are more: --limit 0 shows all") }
  }
}

/// Names of states on the command line.
enum StateName {
  static let all = Jobs.JobState.allCases.map { $0.name.lowercased() }

  static func parse(_ text: String) throws -> JobState {
    guard let state = JobState(name: text) else {
      throw ValidationError("'\(text)' is not a state; there are: \(all.joined(separator: ", "))")
    }
    return state
  }
}

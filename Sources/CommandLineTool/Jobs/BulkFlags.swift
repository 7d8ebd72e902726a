import ArgumentParser
import GKick
import Jobs

/// Which jobs, for commands that take ids or all that match.
struct BulkFlags: ParsableArguments {
  @Argument(help: "Ids of jobs.") var ids: [String] = []
  @Option(name: [.short, .long], help: "All of this queue that match.", transform: GivenText.read) var queue: String?
  @Option(
    name: [.short, .long], help: "All in this state; may be given several times.",
    completion: .list(StateName.all), transform: StateName.parse)
  var state: [Jobs.JobState] = []
  @Option(name: [.short, .long], help: "All of this name.", transform: GivenText.read) var name: String?
  @Option(help: "All of this batch.", transform: GivenText.read) var batch: String?
  @Option(
    help: ArgumentHelp("All that were enqueued longer ago than this.", valueName: "time"),
    transform: IntervalText.read)
  var olderThan: Interval?
  @Flag(name: [.short, .long], help: "Do not ask before many jobs are changed.") var yes = false

  /// Something that chooses jobs other than by id.
  var choosesMany: Bool {
    queue != nil || !state.isEmpty || name != nil || batch != nil || olderThan != nil
  }

  func validate() throws {
    guard ids.isEmpty == choosesMany else {
      throw ValidationError(
        ids.isEmpty
          ? "give ids, or choose jobs by --queue, --state, --name, --batch or --older-than"
          : "give either ids, or --queue, --state, --name, --batch and --older-than")
    }
  }

  /// Evaluated once, so that the jobs that are counted are those that are changed.
  func selection(now: Timestamp) -> JobSelection {
    var selection = JobSelection()
    selection.queue = queue ?? ""
    selection.states = Set(state)
    selection.name = name ?? ""
    selection.batchID = batch ?? ""
    if let olderThan { selection.createdBefore = .init(now - olderThan) }
    return selection
  }

  /// Counts them, asks, and changes them.
  /// - Parameters:
  ///   - action: for people: "cancel".
  ///   - key: for programs: "canceled".
  func change(
    _ remote: Remote, _ output: Output, _ change: JobAction, matching selection: JobSelection, action: String,
    key: String
  ) async throws {
    if !yes {
      let count = try await remote.admin.changeJobs(.count, matching: selection)
      try Confirmation.ask("\(action) \(Format.jobs(count))?", isGiven: count == 0)
    }
    let changed = try await remote.admin.changeJobs(change, matching: selection)
    output.print(.object([(key, JobDocument.count(changed))]), "\(Format.jobs(changed)) \(key)")
  }
}

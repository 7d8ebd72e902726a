import ArgumentParser
import GKick
import Glibc
import Jobs

/// What describes a job to be stored: `enqueue` and `schedule` take it.
struct JobFlags: ParsableArguments {
  private static let conflicts = Choice<GKick.Uniqueness.OnConflict>(.keep, .reject, .replace)
  private static let dependencyFailures = Choice<GKick.OnDependencyFailure>(.cancel, .run)
  static let durabilities = Choice<GKick.Durability>(.synced, .relaxed)

  @Argument(help: "Which function runs it, for example email.send.")
  var name: String

  @Argument(help: "The payload; - reads it from standard input, as is done without one when that is a pipe or a file.")
  var payload: String?

  @Option(name: [.short, .long], help: "The queue. (default: default)", transform: GivenText.read)
  var queue: String?

  // A value that begins with a dash is no flag here.
  @Option(name: [.short, .long], parsing: .unconditional, help: "-100 to 100, higher first.")
  var priority: Int = 0

  @Option(help: "Your own id: a second enqueue with the same id stores nothing.", transform: GivenText.read)
  var id: String?

  @Option(
    help: ArgumentHelp("At most one unfinished job of this queue with this key.", valueName: "key"),
    transform: GivenText.read)
  var unique: String?

  @Option(
    help: ArgumentHelp("Keep the key this long, even past the job's end.", valueName: "time"),
    transform: IntervalText.read)
  var uniqueFor: Interval?

  @Option(
    help: "When the key is taken: keep, reject or replace. (default: keep)",
    completion: Self.conflicts.completion, transform: Self.conflicts.read)
  var onConflict: GKick.Uniqueness.OnConflict?

  @Option(help: ArgumentHelp("Attempts before it is dead; 1: never retried. (default: 20)", valueName: "n"))
  var maxAttempts: Int?

  @Option(
    help: ArgumentHelp("The wait after the first failure. (default: 1s)", valueName: "time"),
    transform: IntervalText.read)
  var backoff: Interval?

  @Option(
    help: ArgumentHelp("One attempt's time. (default: no limit)", valueName: "time"), transform: IntervalText.read)
  var attemptTimeout: Interval?

  @Option(
    help: ArgumentHelp("Expires if not started within this time.", valueName: "time"), transform: IntervalText.read)
  var startWithin: Interval?

  @Option(
    help: ArgumentHelp(
      "How long the finished job can be looked up. (default: the server's: 1h, dead ones 30d)", valueName: "time"),
    transform: IntervalText.read)
  var retention: Interval?

  @Option(help: ArgumentHelp("Travels with the job; may be given several times.", valueName: "key=value"))
  var metadata: [String] = []

  @Option(help: ArgumentHelp("What the payload is, for example application/json.", valueName: "type"))
  var contentType: String?

  @Option(help: ArgumentHelp("The batch that it belongs to.", valueName: "id"), transform: GivenText.read)
  var batch: String?

  @Option(
    help: ArgumentHelp("Waits until that job has succeeded; may be given several times, up to 100.", valueName: "id"),
    transform: GivenText.read)
  var after: [String] = []

  @Option(
    help: "When one of those that it waits for does not succeed: cancel it, or run all the same. (default: cancel)",
    completion: Self.dependencyFailures.completion, transform: Self.dependencyFailures.read)
  var onDependencyFailure: GKick.OnDependencyFailure?

  @Option(
    help: ArgumentHelp("Its concurrency key: limits that are set for the key hold for it.", valueName: "key"),
    transform: GivenText.read)
  var key: String?

  @Option(
    help: ArgumentHelp("Jobs of different keys (tenants) take turns.", valueName: "key"), transform: GivenText.read)
  var fairnessKey: String?

  @Option(
    help: "synced or relaxed. (default: the server's)", completion: Self.durabilities.completion,
    transform: Self.durabilities.read)
  var durability: GKick.Durability?

  @Flag(help: "One job for each line of standard input, the line being the payload.")
  var lines = false

  func validate() throws {
    guard !lines || payload == nil || payload == "-" else {
      throw ValidationError("--lines takes the payloads from standard input, so give none")
    }
    guard !lines || id == nil else { throw ValidationError("--id names one job, --lines makes many") }
    for pair in metadata where pair.firstIndex(of: "=") ?? pair.startIndex == pair.startIndex {
      throw ValidationError("--metadata: '\(pair)' is not key=value")
    }
    guard !after.isEmpty || onDependencyFailure == nil else {
      throw ValidationError("--on-dependency-failure goes with --after")
    }
    guard unique != nil || uniqueFor == nil else { throw ValidationError("--unique-for goes with --unique") }
    guard unique != nil || onConflict == nil else { throw ValidationError("--on-conflict goes with --unique") }
    if let maxAttempts, !(1...Int(UInt32.max)).contains(maxAttempts) {
      throw ValidationError("--max-attempts: \(maxAttempts) is not 1 or more; 1: never retried")
    }
    guard maxAttempts != 1 || backoff == nil else {
      throw ValidationError("--backoff is the wait before the second attempt, and --max-attempts is 1")
    }
  }

  /// All but the payload.
  func request(_ when: JobRequest.When, now: Timestamp) -> JobRequest {
    var options = JobOptions(id: id, queue: queue, priority: priority, durability: durability)
    for pair in metadata {
      guard let equals = pair.firstIndex(of: "=") else { continue }
      options.metadata[String(pair[..<equals])] = String(pair[pair.index(after: equals)...])
    }
    if maxAttempts != nil || backoff != nil {
      var retry = GKick.RetryPolicy.default
      if let maxAttempts { retry.maxAttempts = maxAttempts }
      if let backoff { retry.initialBackoff = backoff.duration }
      options.retry = retry
    }
    options.batchID = batch
    options.dependsOn = after
    options.onDependencyFailure = onDependencyFailure ?? .cancel
    options.concurrencyKey = key
    options.fairnessKey = fairnessKey
    options.timeout = attemptTimeout?.duration
    options.startBefore = startWithin.map { .init(now + $0) }
    options.retention = retention?.duration
    options.unique = unique.map {
      GKick.Uniqueness(key: $0, holdFor: uniqueFor?.duration, onConflict: onConflict ?? .keep)
    }
    return JobRequest(
      UntypedJob(name: name, payload: [], contentType: contentType ?? ""), options: options, when: when)
  }

  /// What is given, or standard input.
  func readPayload() throws -> [UInt8] {
    if let payload, payload != "-" { return Array(payload.utf8) }
    guard payload == "-" || Terminal.hasInput else { return [] }
    guard let bytes = Terminal.readInput(limit: 64 << 20) else {
      throw ValidationError("standard input is over 64 MiB, more than any server takes as a payload")
    }
    return bytes
  }
}

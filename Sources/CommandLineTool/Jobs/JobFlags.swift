import ArgumentParser
import Glibc
import Jobs
import Wire

/// What describes a job to be stored: `enqueue` and `schedule` take it.
struct JobFlags: ParsableArguments {
  @Argument(help: "Which function runs it, for example email.send.")
  var name: String

  @Argument(help: "The payload; - reads it from standard input.")
  var payload: String?

  @Option(name: [.short, .long], help: "The queue. (default: default)")
  var queue: String?

  // A value that begins with a dash is no flag here.
  @Option(name: [.short, .long], parsing: .unconditional, help: "-100 to 100, higher first.")
  var priority: Int32 = 0

  @Option(help: "Your own id: a second enqueue with the same id stores nothing.")
  var id: String?

  @Option(help: ArgumentHelp("At most one unfinished job of this queue with this key.", valueName: "key"))
  var unique: String?

  @Option(
    help: ArgumentHelp("Keep the key this long, even past the job's end.", valueName: "time"), transform: Self.interval)
  var uniqueFor: Interval?

  @Option(
    help: "When the key is taken: keep, reject or replace.", completion: .list(["keep", "reject", "replace"]),
    transform: Self.conflict)
  var onConflict: Uniqueness.OnConflict = .keep

  @Option(help: ArgumentHelp("Attempts before it is dead; 1: never retried. (default: the server's)", valueName: "n"))
  var maxAttempts: UInt32?

  @Option(
    help: ArgumentHelp("The wait after the first failure. (default: 1s)", valueName: "time"), transform: Self.interval)
  var backoff: Interval?

  @Option(
    help: ArgumentHelp("One attempt's time. (default: no limit)", valueName: "time"), transform: Self.interval)
  var attemptTimeout: Interval?

  @Option(
    help: ArgumentHelp("Expires if not started within this time.", valueName: "time"), transform: Self.interval)
  var startWithin: Interval?

  @Option(
    help: ArgumentHelp("How long the finished job can be looked up.", valueName: "time"), transform: Self.interval)
  var retention: Interval?

  @Option(help: ArgumentHelp("Travels with the job; may be given several times.", valueName: "key=value"))
  var metadata: [String] = []

  @Option(help: ArgumentHelp("What the payload is, for example application/json.", valueName: "type"))
  var contentType: String?

  @Option(help: "The batch that it belongs to.")
  var batch: String?

  @Option(
    help: "synced or relaxed. (default: the server's)", completion: .list(["synced", "relaxed"]),
    transform: Self.durability)
  var durability: Durability?

  @Flag(help: "One job for each line of standard input, the line being the payload.")
  var lines = false

  func validate() throws {
    guard !lines || payload == nil || payload == "-" else {
      throw ValidationError("--lines takes the payloads from standard input, so give none")
    }
    guard !lines || id == nil else { throw ValidationError("--id names one job, --lines makes many") }
    for pair in metadata where !pair.contains("=") {
      throw ValidationError("--metadata: '\(pair)' is not key=value")
    }
    guard unique != nil || uniqueFor == nil else { throw ValidationError("--unique-for goes with --unique") }
  }

  /// All but the payload.
  func spec(now: Timestamp) -> JobSpec {
    var spec = JobSpec()
    spec.id = id ?? ""
    spec.queue = queue ?? ""
    spec.name = name
    spec.priority = priority
    spec.contentType = contentType ?? ""
    spec.batchID = batch ?? ""
    for pair in metadata {
      guard let equals = pair.firstIndex(of: "=") else { continue }
      spec.metadata[String(pair[..<equals])] = String(pair[pair.index(after: equals)...])
    }
    if maxAttempts != nil || backoff != nil {
      spec.retry = RetryPolicy(
        maxAttempts: maxAttempts ?? RetryPolicy.standard.maxAttempts,
        initialBackoff: backoff ?? RetryPolicy.standard.initialBackoff)
    }
    spec.timeout = attemptTimeout
    spec.startBefore = startWithin.map { now + $0 }
    spec.retention = retention
    spec.unique = unique.map { Uniqueness(key: $0, holdFor: uniqueFor, onConflict: onConflict) }
    return spec
  }

  func readPayload() throws -> [UInt8] {
    guard payload == "-" else { return Array((payload ?? "").utf8) }
    guard let bytes = Terminal.readInput(limit: 64 << 20) else {
      throw ValidationError("standard input is over 64 MiB, more than any server takes as a payload")
    }
    return bytes
  }

  private static func interval(_ text: String) throws -> Interval {
    guard let interval = IntervalText.parse(text) else {
      throw ValidationError("'\(text)' is not \(IntervalText.form)")
    }
    return interval
  }

  private static func conflict(_ text: String) throws -> Uniqueness.OnConflict {
    switch text {
    case "keep": .keep
    case "reject": .reject
    case "replace": .replace
    default: throw ValidationError("'\(text)' is not keep, reject or replace")
    }
  }

  static func durability(_ text: String) throws -> Durability {
    switch text {
    case "synced": .synced
    case "relaxed": .relaxed
    default: throw ValidationError("'\(text)' is not synced or relaxed")
    }
  }
}

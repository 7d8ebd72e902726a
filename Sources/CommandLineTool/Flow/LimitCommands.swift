import ArgumentParser
import GKick
import Jobs

/// `gkick limits`.
struct LimitsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "limits",
    abstract: "How many jobs may run, start and wait: of a queue, a key, or each key with a prefix.",
    subcommands: [LimitsList.self, LimitsPut.self, LimitsDelete.self], defaultSubcommand: LimitsList.self)
}

/// What a limit is for.
struct ScopeFlags: ParsableArguments {
  @Option(name: [.short, .long], help: "Of a queue.", transform: GivenText.read) var queue: String?
  @Option(name: [.short, .long], help: "Of a concurrency key.", transform: GivenText.read) var key: String?
  @Option(help: ArgumentHelp("Of each concurrency key that begins so, on its own.", valueName: "prefix"))
  var keyPrefix: String?

  func validate() throws { _ = try scope() }

  func scope() throws -> GKick.Limit.Scope {
    switch (queue, key, keyPrefix) {
    case (let queue?, nil, nil): return .queue(queue)
    case (nil, let key?, nil): return .key(key)
    case (nil, nil, let prefix?): return .keyPrefix(prefix)
    default: throw ValidationError("say what it is for: one of --queue, --key and --key-prefix")
    }
  }
}

struct LimitsList: RemoteCommand {
  static let configuration = CommandConfiguration(commandName: "list", abstract: "Show all limits and their use.")

  @OptionGroup var client: ClientFlags

  func run(_ remote: Remote, _ output: Output) async throws {
    let limits = try await remote.admin.limits.list()
    output.print(
      limits, Self.json, table: { Self.table(limits) },
      ifNone: "no limits: `gkick limits put --queue QUEUE --max-running 10` sets one")
  }

  static func table(_ limits: [LimitStanding]) -> Table {
    var table = Table(
      "LIMIT", "#RUNNING", "#MAX", "#STARTED", "RATE", "#WAITING", "#MAX", "#HELD BACK", "#KEYS", "BUSIEST")
    for standing in limits {
      let limit = standing.limit
      table.add([
        limit.scope.description, Format.count(standing.running), limit.maxRunning.map(Format.count) ?? "-",
        limit.rate == nil ? "-" : Format.count(standing.startedInPeriod), rate(limit) ?? "-",
        Format.count(standing.waiting), limit.maxWaiting.map(Format.count) ?? "-", Format.count(standing.heldBack),
        standing.keys == 0 ? "-" : Format.count(standing.keys), standing.busiestKey,
      ])
    }
    return table
  }

  /// "100/1m".
  static func rate(_ limit: GKick.Limit) -> String? {
    limit.rate.map { "\(Format.count($0.count))/\(IntervalText.format($0.period.interval))" }
  }

  /// What was asked for, with the contract's names.
  static func members(_ limit: GKick.Limit) -> [(String, JSONValue?)] {
    let scope: (String, String) =
      switch limit.scope {
      case .queue(let name): ("queue", name)
      case .key(let key): ("concurrency_key", key)
      case .keyPrefix(let prefix): ("concurrency_key_prefix", prefix)
      }
    return [
      (scope.0, .string(scope.1)), ("max_running", limit.maxRunning.map(JobDocument.count)),
      ("rate_count", limit.rate.map { JobDocument.count($0.count) }),
      ("rate_period_seconds", limit.rate.map { .number($0.period.interval.seconds) }),
      ("max_waiting", limit.maxWaiting.map(JobDocument.count)),
    ]
  }

  static func json(_ standing: LimitStanding) -> JSONValue {
    let isPrefix = if case .keyPrefix = standing.limit.scope { true } else { false }
    return .members(
      members(standing.limit) + [
        ("running", JobDocument.count(standing.running)), ("waiting", JobDocument.count(standing.waiting)),
        ("held_back", JobDocument.count(standing.heldBack)),
        ("started_in_period", standing.limit.rate == nil ? nil : JobDocument.count(standing.startedInPeriod)),
        ("keys", isPrefix ? JobDocument.count(standing.keys) : nil),
        ("busiest_key", JobDocument.text(standing.busiestKey)),
      ])
  }
}

struct LimitsPut: RemoteCommand {
  static let configuration = CommandConfiguration(
    commandName: "put", abstract: "Set a limit, in the place of the one that was there.",
    discussion: """
      It holds at once, for all servers; lowering it stops nothing that runs. Examples:
        gkick limits put --queue images --max-running 4
        gkick limits put --key-prefix tenant- --max-running 2 --rate 100/1m
      """)

  @OptionGroup var scope: ScopeFlags
  @Option(help: ArgumentHelp("So many run at once at most.", valueName: "n")) var maxRunning: UInt32?
  @Option(
    help: ArgumentHelp("So many start in any such time at most, for example 100/1m.", valueName: "n/time"),
    transform: Self.rate)
  var rate: GKick.Limit.Rate?
  @Option(help: ArgumentHelp("So many wait at most; more are refused.", valueName: "n")) var maxWaiting: UInt32?
  @OptionGroup var client: ClientFlags

  func validate() throws {
    for (flag, value) in [("--max-running", maxRunning), ("--max-waiting", maxWaiting)] where value == 0 {
      throw ValidationError("\(flag): 0 is not 1 or more; `gkick limits delete` takes a limit away")
    }
    guard maxRunning != nil || rate != nil || maxWaiting != nil else {
      throw ValidationError("say what is limited: --max-running, --rate or --max-waiting")
    }
  }

  func run(_ remote: Remote, _ output: Output) async throws {
    let limit = GKick.Limit(
      try scope.scope(), maxRunning: maxRunning.map(Int.init), rate: rate, maxWaiting: maxWaiting.map(Int.init))
    try await remote.admin.limits.put(limit)
    output.print(
      .members(LimitsList.members(limit)), "\(Table.onOneLine(limit.scope.description)): \(Self.words(limit))")
  }

  /// "at most 2 run, 100/1m start".
  private static func words(_ limit: GKick.Limit) -> String {
    let parts = [
      limit.maxRunning.map { "\(Format.count($0)) run" }, LimitsList.rate(limit).map { "\($0) start" },
      limit.maxWaiting.map { "\(Format.count($0)) wait" },
    ]
    return "at most " + parts.compactMap(\.self).joined(separator: ", ")
  }

  private static func rate(_ text: String) throws -> GKick.Limit.Rate {
    let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    guard parts.count == 2, let count = Int(parts[0]), let period = IntervalText.parse(parts[1]) else {
      throw ValidationError("'\(text)' is not a number and a time such as 100/1m")
    }
    guard (1...Int(Jobs.Limit.maxPerPeriod)).contains(count) else {
      throw ValidationError("'\(text)': the number must be 1 to 1,000,000")
    }
    guard (Jobs.Limit.shortestPeriod...Jobs.Limit.longestPeriod).contains(period) else {
      throw ValidationError("'\(text)': the time must be 1ms to 31d")
    }
    return GKick.Limit.Rate(count, per: period.duration)
  }
}

struct LimitsDelete: RemoteCommand {
  static let configuration = CommandConfiguration(commandName: "delete", abstract: "Take a limit away.")

  @OptionGroup var scope: ScopeFlags
  @OptionGroup var client: ClientFlags

  func run(_ remote: Remote, _ output: Output) async throws {
    let scope = try scope.scope()
    try await remote.admin.limits.delete(scope)
    output.print(
      .object([("deleted", .string(scope.description))]),
      "\(Table.onOneLine(scope.description)): no limit any more")
  }
}

import ArgumentParser
import GKick
import Glibc
import Jobs

/// `gkick bench`.
struct BenchCommand: RemoteCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench", abstract: "Measure a running server: rates, latencies, CPU per job.",
    discussion: """
      Scenarios: enqueue (jobs are stored), drain (workers run a backlog), both (at once), latency (jobs at a fixed \
      rate; measured from when each was meant to be enqueued, so that a stall hides nothing). Without a name all run. \
      The bench uses queues of its own and deletes their jobs afterwards. Producers and workers are this one program, \
      so on one machine it shares the processors with the server: compare the server's CPU per job, not rates.

      Examples:
        gkick bench
        gkick bench enqueue --mode stream --in-flight 16
        gkick bench latency --rate 5000 --duration 30s --json
      """)

  private static let choice = Choice<BenchScenario>(.enqueue, .drain, .both, .latency)
  private static let modes = Choice<BenchMode>(.unary, .batch, .stream)

  @Argument(
    help: "enqueue, drain, both, latency; all of them if none is named.",
    completion: Self.choice.completion, transform: Self.choice.read)
  var scenarios: [BenchScenario] = []

  @Option(
    help: "How producers hand jobs over: unary, batch or stream.",
    completion: Self.modes.completion, transform: Self.modes.read)
  var mode: BenchMode = .unary

  @Option(help: "Jobs of each scenario, unless its time is over first.")
  var jobs = 100_000

  @Option(help: "Calls (unary, batch) or batches (stream) on their way at a time, over all connections.")
  var inFlight = 64

  @Option(help: "Connections of the producers.")
  var connections = 4

  @Option(help: "Jobs of one batch, up to 1,000.")
  var batchSize = 100

  @Option(help: "Worker streams, each on a connection of its own.")
  var workers = 8

  @Option(help: "Jobs that one worker holds at a time.")
  var slots = 64

  @Option(help: "Queues that the jobs are spread over.")
  var queues = 1

  @Option(help: ArgumentHelp("Bytes of each job's payload. (default: 128)", valueName: "size"))
  var payload: String?

  @Option(help: "Jobs per second of the scenario latency.")
  var rate = 1_000

  @Option(
    help: ArgumentHelp("How long one scenario enqueues at most; latency exactly. (default: 10s)", valueName: "time"))
  var duration: String?

  @Option(
    help: "synced or relaxed. (default: the server's)", completion: JobFlags.durabilities.completion,
    transform: JobFlags.durabilities.read)
  var durability: GKick.Durability?

  @Option(
    help: ArgumentHelp(
      "Where the server's metrics page is, for its CPU time; none: not asked. (default: 127.0.0.1:7451, for a server at 7450 on this machine)",
      valueName: "address"))
  var http: String?

  @Flag(help: "Leave the jobs in the store.")
  var keep = false

  @OptionGroup var client: ClientFlags

  func validate() throws { _ = try settings(prefix: "bench") }

  func run(_ remote: Remote, _ output: Output) async throws {
    var settings = try settings(prefix: "bench")
    settings.metadata = try client.settings().metadata
    let own = "bench-\(getpid())-\(Timestamp.now.microseconds % 1_000_000)"
    let runner = BenchRunner(
      settings: settings, client: try client.settings(), meter: ServerMeter(page: try metricsPage()))
    let server = try await remote.admin.serverInfo()
    if !output.json {
      Terminal.note(
        "gKick \(server.version), store \(server.store); \(Format.count(UInt64(settings.jobs))) jobs of \(settings.payload) bytes, "
          + "\(settings.mode.rawValue), \(settings.inFlight) in flight on \(settings.connections) connections, "
          + "\(settings.workers) workers with \(settings.slots) slots")
    }
    let given = try await durability(named: own, settings, remote)
    var table = BenchReport.table
    var failed = false
    let scenarios = settings.scenarios
    do {
      for (place, scenario) in scenarios.enumerated() {
        // Queues of its own, so that no scenario runs what another has left.
        settings.prefix = "\(own)-\(place)"
        var report = try await BenchRunner(
          settings: settings, client: runner.client, meter: runner.meter
        ).run(scenario)
        report.durability = given
        if !keep { try await purge(settings, remote) }
        if output.json { Terminal.print(report.json.text) } else { table.add(report.cells) }
        if let failure = report.failure, report.failed > 0 {
          failed = true
          Terminal.note(
            "gkick: \(report.failed) jobs of \(scenario.rawValue) failed: \(Table.onOneLine(failure.message))")
        }
      }
    } catch {
      if !keep { try? await purge(settings, remote) }
      throw error
    }
    if !output.json { Terminal.print(table.text(style: output.style)) }
    if failed { throw ExitCode(ExitCodes.failed) }
  }

  /// What the server gives for what is asked: one job is stored to hear it, since the answers to batches do not say.
  private func durability(named own: String, _ settings: BenchSettings, _ remote: Remote) async throws -> Durability? {
    let probe = JobRequest(
      UntypedJob(name: BenchSettings.jobName, payload: settings.spec(0).payload),
      options: JobOptions(queue: "\(own)-probe"), when: .now)
    let stored = try await remote.jobs.backend.enqueue(probe, durability: durability)
    try await remote.jobs.delete(stored.id)
    try? await remote.admin.deleteQueue("\(own)-probe")
    return stored.durability
  }

  /// Leaves no queue behind, where the server can forget them.
  private func purge(_ settings: BenchSettings, _ remote: Remote) async throws {
    for number in 0..<settings.queues {
      let queue = settings.queueName(number)
      try await remote.admin.purge(queue)
      do {
        try await remote.admin.deleteQueue(queue)
      } catch let error as GKickError where [.notSupported, .notFound, .notPossibleNow].contains(error.code) {}
    }
  }

  // MARK: - Reading the flags

  private func settings(prefix: String) throws -> BenchSettings {
    var settings = BenchSettings()
    if !scenarios.isEmpty { settings.scenarios = scenarios }
    settings.mode = mode
    settings.jobs = try Self.within(1...100_000_000, jobs, "--jobs")
    settings.inFlight = try Self.within(1...10_000, inFlight, "--in-flight")
    settings.connections = try Self.within(1...1_000, connections, "--connections")
    settings.batchSize = try Self.within(1...1_000, batchSize, "--batch-size")
    settings.workers = try Self.within(1...1_000, workers, "--workers")
    settings.slots = try Self.within(1...10_000, slots, "--slots")
    settings.queues = try Self.within(1...1_000, queues, "--queues")
    settings.rate = try Self.within(1...1_000_000, rate, "--rate")
    if let payload {
      guard let size = ByteCountText.parse(payload), size <= 64 << 20 else {
        throw ValidationError("--payload: '\(payload)' is not \(ByteCountText.form), at most 64MiB")
      }
      settings.payload = Int(size)
    }
    if let duration {
      guard let interval = IntervalText.parse(duration), interval >= .milliseconds(100), interval <= .hours(24) else {
        throw ValidationError("--duration: '\(duration)' is not \(IntervalText.form), 100ms to 24h")
      }
      settings.duration = interval
    }
    settings.durability = durability
    settings.prefix = prefix
    _ = try metricsPage()
    return settings
  }

  private func metricsPage() throws -> Endpoint? {
    if let http {
      if http == "none" { return nil }
      guard let endpoint = Endpoint(http) else { throw ValidationError("--http: '\(http)' is not HOST:PORT or none") }
      return endpoint
    }
    let server = try client.settings().endpoint
    guard server.isLocal, case .host(_, port: 7450) = server else { return nil }
    return .host("127.0.0.1", port: 7451)
  }

  private static func within(_ range: ClosedRange<Int>, _ value: Int, _ flag: String) throws -> Int {
    guard range.contains(value) else {
      throw ValidationError("\(flag): \(value) is not from \(range.lowerBound) to \(range.upperBound)")
    }
    return value
  }
}

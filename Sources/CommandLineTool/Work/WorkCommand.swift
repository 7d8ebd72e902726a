import ArgumentParser
import GKick
import Glibc
import Jobs
import Logging
import RPCTransport
import ServiceLifecycle

/// `gkick work`.
struct WorkCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "work", abstract: "Be a worker: run a program for every job.",
    discussion: """
      The program gets the payload on standard input. What it prints is the job's result, what it says on standard error is \
      passed on and, if it fails, becomes the failure's message. It finds in its environment GKICK_JOB_ID, GKICK_JOB_NAME, \
      GKICK_JOB_QUEUE, GKICK_JOB_ATTEMPT, GKICK_JOB_MAX_ATTEMPTS, GKICK_JOB_TOKEN and GKICK_JOB_CONTENT_TYPE.

      Its exit code decides: 0 succeeded; 65 failed and never to be retried; 75 given back, to be run again in --snooze; \
      anything else, a signal too, failed, retried by the job's policy.

      A job that is canceled or out of time: its program gets SIGTERM, and SIGKILL 10 seconds later. SIGTERM to the worker \
      lets what runs finish, up to --drain-timeout. Example:
        gkick work --queue images --name image.resize --exec ./resize.sh --concurrency 4
      """)

  @Option(
    name: [.short, .long], parsing: .upToNextOption,
    help: "Queues, in order of importance; NAME=WEIGHT shares between them, a trailing * is a prefix.")
  var queue: [String] = ["default"]

  @Option(name: [.short, .long], parsing: .upToNextOption, help: "Only jobs of these names. (default: all)")
  var name: [String] = []

  @Option(help: ArgumentHelp("What to run, by sh -c.", valueName: "command"))
  var exec: String

  @Option(name: [.short, .long], help: "How many at once. (default: the number of processors)")
  var concurrency: Int?

  @Option(help: "The worker's id. (default: made from host and process)")
  var id: String?

  @Option(
    help: ArgumentHelp("How long a job waits that its program gave back with 75. (default: 30s)", valueName: "time"))
  var snooze: String?

  @Option(
    help: ArgumentHelp("How long running jobs may go on after SIGTERM. (default: 30s)", valueName: "time"))
  var drainTimeout: String?

  @Option(help: ArgumentHelp("The longest result that is taken. (default: 1MiB)", valueName: "size"))
  var maxResult: String?

  @OptionGroup var connection: ConnectionFlags

  func validate() throws { _ = try settings() }

  private struct Settings {
    var queues: [WorkerConfiguration.Queue]
    var snooze: Duration
    var drainTimeout: Duration
    var maxResult: Int
  }

  func run() async throws {
    let settings = try settings()
    let remote = try connection.settings()
    var endpoint = GKick.Endpoint(remote.endpoint.description, tls: remote.tls)
    endpoint.timeout = .microseconds(remote.timeout.microseconds)

    var configuration = WorkerConfiguration(
      queues: settings.queues, concurrency: concurrency ?? max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))))
    configuration.id = id
    configuration.drainTimeout = settings.drainTimeout
    configuration.labels = ["program": String(exec.prefix(200)), "version": Version.text]
    var logger = Logger(label: "gkick.work", factory: { _ in StreamLogHandler.standardError(label: "gkick.work") })
    logger.logLevel = .notice
    configuration.logger = logger

    let worker = Worker(endpoint, configuration: configuration)
    let runner = ProgramRunner(command: exec, snooze: settings.snooze, maxResult: settings.maxResult)
    if name.isEmpty {
      worker.addFallback { try await runner.run($0) }
    } else {
      for name in name { worker.add(name) { try await runner.run($0) } }
    }
    Terminal.note("worker \(worker.id) takes \(queue.joined(separator: ", ")) at \(remote.endpoint)")
    let group = ServiceGroup(
      configuration: .init(
        services: [.init(service: worker, successTerminationBehavior: .gracefullyShutdownGroup)],
        gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
    do {
      try await group.run()
    } catch let error as GKickError {
      Terminal.note("gkick: \(error)")
      throw ExitCode(ExitCodes.unavailable)
    }
  }

  private func settings() throws -> Settings {
    if let concurrency, !(1...10_000).contains(concurrency) {
      throw ValidationError("--concurrency: \(concurrency) is not 1 to 10000")
    }
    return Settings(
      queues: try queue.map(Self.queue), snooze: try Self.time(snooze, "--snooze"),
      drainTimeout: try Self.time(drainTimeout, "--drain-timeout"), maxResult: try size())
  }

  private func size() throws -> Int {
    guard let maxResult else { return 1 << 20 }
    guard let size = ByteCountText.parse(maxResult), (0...(64 << 20)).contains(size) else {
      throw ValidationError("--max-result: '\(maxResult)' is not \(ByteCountText.form), at most 64MiB")
    }
    return Int(size)
  }

  private static func time(_ text: String?, _ flag: String) throws -> Duration {
    guard let text else { return .seconds(30) }
    guard let interval = IntervalText.parse(text) else {
      throw ValidationError("\(flag): '\(text)' is not \(IntervalText.form)")
    }
    return .microseconds(interval.microseconds)
  }

  private static func queue(_ text: String) throws -> WorkerConfiguration.Queue {
    guard let equals = text.lastIndex(of: "=") else { return .init(text) }
    guard let weight = Int(text[text.index(after: equals)...]), (1...1_000_000).contains(weight) else {
      throw ValidationError("--queue: '\(text)': the weight is a number from 1")
    }
    return .init(String(text[..<equals]), weight: weight)
  }
}

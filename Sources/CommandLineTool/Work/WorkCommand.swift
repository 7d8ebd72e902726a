import ArgumentParser
import GKick
import Glibc
import Jobs
import Logging
import RPCTransport

/// `gkick work`.
struct WorkCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "work", abstract: "Be a worker: run a program for every job.",
    discussion: """
      The program gets the payload on standard input, and need not read it. What it prints is the job's result; what it \
      says on standard error is passed on and, if it fails, its end becomes the failure's message. It finds in its \
      environment GKICK_JOB_ID, GKICK_JOB_NAME, GKICK_JOB_QUEUE, GKICK_JOB_ATTEMPT, GKICK_JOB_MAX_ATTEMPTS, \
      GKICK_JOB_TOKEN and GKICK_JOB_CONTENT_TYPE, and the job's metadata: trace-id as GKICK_METADATA_TRACE_ID.

      A line `progress 40 half way` that it writes to its file descriptor 3 (the file that GKICK_REPORT names) tells how \
      far it has come; every other line there goes to the worker's log.

      Its exit code decides: 0 succeeded; 65 failed and never to be retried; 75 given back, to be run again in --snooze, \
      and so are 126 and 127, by which a shell says that it cannot start a program; anything else, a signal too, failed, \
      retried by the job's policy.

      A job that is canceled or out of time: its program, and what that has started, get SIGTERM, and SIGKILL after \
      --grace. SIGTERM to the worker lets what runs finish, up to --drain-timeout; a second one ends the programs at once \
      and gives their jobs back. Example:
        gkick work --queue images --name image.resize --exec ./resize.sh --concurrency 4
      """)

  @Option(
    name: [.short, .long], parsing: .upToNextOption,
    help: "Queues, in order of importance; NAME=WEIGHT shares between them, a trailing * is a prefix.",
    transform: GivenText.read)
  var queue: [String] = ["default"]

  @Option(
    name: [.short, .long], parsing: .upToNextOption, help: "Only jobs of these names. (default: all)",
    transform: GivenText.read)
  var name: [String] = []

  @Option(help: ArgumentHelp("What to run, by sh -c.", valueName: "command"))
  var exec: String

  @Option(name: [.short, .long], help: "How many at once. (default: the number of processors)")
  var concurrency: Int?

  @Option(help: "The worker's id. (default: made from host and process)", transform: GivenText.read)
  var id: String?

  @Option(
    help: ArgumentHelp(
      "How long a job waits that its program gave back, or that could not be started. (default: 30s)",
      valueName: "time"))
  var snooze: String?

  @Option(
    help: ArgumentHelp("How long running jobs may go on after SIGTERM. (default: 30s)", valueName: "time"))
  var drainTimeout: String?

  @Option(
    help: ArgumentHelp("How long a program that was told to stop has until SIGKILL. (default: 10s)", valueName: "time"))
  var grace: String?

  @Option(
    help: ArgumentHelp(
      "How long the server keeps the running jobs for this worker when the connection breaks, before others get them. (default: 5s)",
      valueName: "time"))
  var resumeWindow: String?

  @Option(help: ArgumentHelp("The longest result that is taken. (default: 1MiB)", valueName: "size"))
  var maxResult: String?

  @Option(
    help: ArgumentHelp("Log lines for people or for programs. (default: text)", valueName: "text|json"),
    completion: .list(["text", "json"]))
  var logFormat: String?

  @OptionGroup var connection: ConnectionFlags

  func validate() throws { _ = try settings() }

  private struct Settings {
    var queues: [WorkerConfiguration.Queue]
    var drainTimeout: Duration
    var resumeWindow: Duration
    var logFormat: LogFormat
    var program: ProgramRunner.Settings
  }

  func run() async throws {
    let settings = try settings()
    let remote = try connection.settings()
    let wishes = Signals.watch(patience: 2)
    FileLimit.raise()
    if let problem = await ProgramCheck.problem(with: exec) { throw ValidationError("--exec: \(problem)") }

    let logger = Logger(label: "gkick.work") { _ in ServerLog(format: settings.logFormat, level: .notice) }
    let worker = makeWorker(settings, remote, logger)
    let runner = ProgramRunner(settings.program)
    if name.isEmpty {
      worker.addFallback { try await runner.run($0) }
    } else {
      for name in name { worker.add(name) { try await runner.run($0) } }
    }
    logger.notice(
      "worker \(worker.id) starts",
      metadata: ["server": "\(remote.endpoint)", "queues": "\(queue.joined(separator: ","))"])
    do {
      try await WorkRun(worker: worker, runner: runner, logger: logger).run(wishes)
    } catch let error as GKickError {
      let failure = CallFailure(error, endpoint: remote.endpoint)
      logger.error("\(failure.text)")
      throw ExitCode(ExitCodes.unavailable)
    }
  }

  private func makeWorker(_ settings: Settings, _ remote: ClientSettings, _ logger: Logger) -> Worker {
    var configuration = WorkerConfiguration(
      queues: settings.queues, concurrency: concurrency ?? max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))))
    configuration.id = id
    configuration.drainTimeout = settings.drainTimeout
    // A program that does not end by itself is gone after the grace; then there is time left to say so.
    configuration.stopTimeout = settings.program.grace + .seconds(5)
    configuration.resumeWindow = settings.resumeWindow
    configuration.maxResultBytes = settings.program.maxResult
    configuration.labels = ["program": String(exec.prefix(200)), "version": Version.text]
    configuration.logger = logger
    let notices = ConnectionNotices(endpoint: remote.endpoint, logger: logger)
    configuration.onConnection = { notices.tell($0) }
    return Worker(remote.gkickEndpoint, configuration: configuration)
  }

  // MARK: - Reading the flags

  private func settings() throws -> Settings {
    if let concurrency, !(1...10_000).contains(concurrency) {
      throw ValidationError("--concurrency: \(concurrency) is not 1 to 10000")
    }
    let format = logFormat ?? "text"
    guard let format = LogFormat(rawValue: format) else {
      throw ValidationError("--log-format: '\(format)' is not text or json")
    }
    let window = try Self.time(resumeWindow, "--resume-window", .seconds(5))
    guard window <= .seconds(600) else { throw ValidationError("--resume-window: at most 10m") }
    return Settings(
      queues: try queue.map(Self.queue), drainTimeout: try Self.time(drainTimeout, "--drain-timeout", .seconds(30)),
      resumeWindow: window, logFormat: format,
      program: .init(
        command: exec, snooze: try Self.time(snooze, "--snooze", .seconds(30)), maxResult: try size(),
        grace: try Self.time(grace, "--grace", .seconds(10)), logsWords: format == .json))
  }

  private func size() throws -> Int {
    guard let maxResult else { return 1 << 20 }
    guard let size = ByteCountText.parse(maxResult), (0...(64 << 20)).contains(size) else {
      throw ValidationError("--max-result: '\(maxResult)' is not \(ByteCountText.form), at most 64MiB")
    }
    return Int(size)
  }

  private static func time(_ text: String?, _ flag: String, _ standard: Duration) throws -> Duration {
    guard let text else { return standard }
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

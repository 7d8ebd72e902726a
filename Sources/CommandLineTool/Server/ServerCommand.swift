import ArgumentParser
import FoundationEssentials
import Glibc
import Jobs
import Logging
import RPCTransport

/// `gkick server`.
struct ServerCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "server",
    abstract: "Run a server.",
    discussion: """
      SIGTERM and SIGINT: workers are told, running jobs' outcomes taken, then it ends with 0; a second one ends it at \
      once. SIGHUP reads the certificates, --auth and --cron-file again. Flags win over the environment, the environment over \
      the file of --config.
      """)

  @OptionGroup var flags: ServerFlags

  func validate() throws { _ = try settings() }

  func run() async throws {
    var (settings, sources) = try settings()
    if flags.printConfig { return print(sources.description) }
    let logger = Logger(label: "gkick") { _ in ServerLog(format: settings.logFormat, level: settings.logLevel) }
    let wishes = Signals.watch()
    if let warning = settings.connections.fit(openFiles: FileLimit.raise(), loops: settings.loops) {
      logger.warning("\(warning)")
    }
    Self.leaveChildrenToTheSystem()
    ProcessMemory.returnLargeBuffers()
    do {
      let runtime = try await ServerRuntime(settings: settings, logger: logger)
      try await runtime.run(wishes)
    } catch {
      logger.critical("\(StartFailure(error, settings))")
      throw ExitCode.failure
    }
  }

  /// It starts none; what is left to process 1 of a container is to leave no zombies: those that are there, and those to come.
  private static func leaveChildrenToTheSystem() {
    _ = signal(SIGCHLD, SIG_IGN)
    var status: Int32 = 0
    // Fills the number that it is given.
    while unsafe waitpid(-1, &status, WNOHANG) > 0 {}
  }

  private func settings() throws -> (ServerSettings, SettingSources) {
    let sources = try SettingSources(config: flags.config, environment: ProcessInfo.processInfo.environment)
    let processors = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    return (try ServerSettings(flags, environment: sources, processors: processors), sources)
  }
}

import ArgumentParser
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
      once. SIGHUP reads the certificates again. Flags win over the environment.
      """)

  @OptionGroup var flags: ServerFlags

  func validate() throws { _ = try settings() }

  func run() async throws {
    let settings = try settings()
    let logger = Logger(label: "gkick") { _ in ServerLog(format: settings.logFormat, level: settings.logLevel) }
    let wishes = Signals.watch()
    Self.raiseFileLimit()
    ProcessMemory.returnLargeBuffers()
    do {
      try await ServerRuntime(settings: settings, logger: logger).run(wishes)
    } catch {
      logger.critical("\(error)")
      throw ExitCode.failure
    }
  }

  private func settings() throws -> ServerSettings {
    try ServerSettings(
      flags, environment: ProcessEnvironment.read(), processors: max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))))
  }

  /// Each connection is an open file; the soft limit that shells give is made for other programs.
  private static func raiseFileLimit() {
    var limit = rlimit()
    // Both calls only use the value they are given the address of.
    guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
    limit.rlim_cur = limit.rlim_max
    _ = unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
  }
}

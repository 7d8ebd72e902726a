import ArgumentParser
import Glibc

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
    print(settings)
  }

  private func settings() throws -> ServerSettings {
    try ServerSettings(
      flags, environment: ProcessEnvironment.read(), processors: max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))))
  }
}

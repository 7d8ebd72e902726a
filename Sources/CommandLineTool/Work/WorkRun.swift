import ArgumentParser
import GKick
import Glibc
import Logging
import ServiceLifecycle
import Synchronization

/// A worker's life under the signals that it gets.
struct WorkRun {
  let worker: Worker
  let runner: ProgramRunner
  let logger: Logger

  /// How long the server is waited for once the programs were ended by force.
  private static let lastWait = Duration.seconds(3)

  /// Until the worker has ended, or a signal wants it so. The first lets running jobs finish, the second ends their programs at once and
  /// gives the jobs back; a third ends the process, see `Signals`.
  func run(_ wishes: AsyncStream<Signals.Wish>) async throws {
    let group = ServiceGroup(
      configuration: .init(
        services: [.init(service: worker, successTerminationBehavior: .gracefullyShutdownGroup)], logger: quiet))
    let working = Task { try await group.run() }
    let listening = Task {
      var isDraining = false
      for await wish in wishes {
        var signal = SIGHUP
        if case .end(let number) = wish { signal = number }
        if isDraining {
          logger.notice("told again to end: the programs are ended, their jobs given back")
          runner.killAll()
          working.cancel()
          try? await Task.sleep(for: Self.lastWait)
          // The jobs that are still held then go to others when the resume window is over.
          if !Task.isCancelled { exit(128 + signal) }
          return
        }
        isDraining = true
        logger.notice("told to end: what runs may finish")
        await group.triggerGracefulShutdown()
      }
    }
    defer { listening.cancel() }
    try await working.value
  }

  private var quiet: Logger {
    var quiet = logger
    quiet.logLevel = .critical
    return quiet
  }
}

/// Says how the worker stands with its server: when it is connected, and why not, once for each reason and not for each try.
final class ConnectionNotices: Sendable {
  private let endpoint: Endpoint
  private let logger: Logger
  /// What was said since it was connected last.
  private let said = Mutex<Set<String>>([])

  init(endpoint: Endpoint, logger: Logger) {
    self.endpoint = endpoint
    self.logger = logger
  }

  func tell(_ connection: WorkerConnection) {
    switch connection {
    case .connected(let serverID):
      said.withLock { $0 = [] }
      logger.notice("connected to \(endpoint)", metadata: ["server_id": "\(serverID)"])
    case .lost(let error):
      let text = CallFailure(error, endpoint: endpoint).text
      guard said.withLock({ $0.insert(text).inserted }) else { return }
      // A line.
      logger.warning("\(text.replacing("\n", with: " ")) Trying again.")
    }
  }
}

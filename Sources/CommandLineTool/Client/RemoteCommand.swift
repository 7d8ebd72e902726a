import ArgumentParser
import GKick
import Jobs
import RPC
import RPCTransport
import Synchronization

/// The server that a command asks: its jobs and its administration, on one connection.
struct Remote: Sendable {
  let jobs: Client
  let admin: AdminClient
}

/// A command that talks to a server: connects, runs, says in words what went wrong, and ends with a code that tells it.
protocol RemoteCommand: AsyncParsableCommand {
  var client: ClientFlags { get }
  func run(_ remote: Remote, _ output: Output) async throws
}

extension RemoteCommand {
  func run() async throws {
    let settings = try client.settings()
    do {
      let (jobs, admin) = try Client.connection(settings.gkickEndpoint)
      do {
        try await run(Remote(jobs: jobs, admin: admin), Output(json: client.json))
      } catch {
        await jobs.close()
        throw error
      }
      await jobs.close()
    } catch let error as GKickError {
      throw CallFailure(error, endpoint: settings.endpoint)
    } catch let status as Status {
      // The bench speaks with channels of its own.
      throw CallFailure(GKickError(status), endpoint: settings.endpoint)
    }
  }
}

extension ClientSettings {
  /// How long a command goes on trying when the server has answered before: long enough for a restart.
  private static let patience = Duration.seconds(60)

  /// A connection of its own, for who needs several.
  func channel() throws -> ClientChannel { try gkickEndpoint.makeChannel() }

  var gkickEndpoint: GKick.Endpoint {
    var endpoint = GKick.Endpoint(self.endpoint.description, tls: tls, token: token)
    // What may be sent where is decided where the flags are read.
    endpoint.sendsTokenInPlaintext = true
    endpoint.timeout = .microseconds(timeout.microseconds)
    endpoint.userAgent = "gkick/\(Version.text)"
    endpoint.patience = Self.patience
    endpoint.onRetry = { [flag = Once()] error in
      if flag.isFirst { Terminal.note("gkick: the server is away (\(Table.onOneLine(error.message))), trying again") }
    }
    return endpoint
  }
}

/// True the first time that it is asked.
private final class Once: Sendable {
  private let isTaken = Atomic(false)
  var isFirst: Bool { !isTaken.exchange(true, ordering: .relaxed) }
}

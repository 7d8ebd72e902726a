import ArgumentParser
import RPC

/// A command that talks to a server: connects, runs, says in words what went wrong, and ends with a code that tells it.
protocol RemoteCommand: AsyncParsableCommand {
  var client: ClientFlags { get }
  func run(_ remote: Remote, _ output: Output) async throws
}

extension RemoteCommand {
  func run() async throws {
    let settings = try client.settings()
    let remote: Remote
    do {
      remote = try Remote(settings)
    } catch {
      throw ValidationError("the TLS files are there, but of no use: \(error)")
    }
    do {
      try await run(remote, Output(json: client.json))
      await remote.close()
    } catch let status as Status {
      await remote.close()
      let failure = CallFailure(status, endpoint: settings.endpoint)
      Terminal.note("gkick: \(failure.text)")
      throw ExitCode(failure.exitCode)
    } catch {
      await remote.close()
      throw error
    }
  }
}

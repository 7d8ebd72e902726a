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

/// A call's status in words, with what to do next.
struct CallFailure {
  let text: String
  let exitCode: Int32

  init(_ status: Status, endpoint: Endpoint) {
    let said = Table.onOneLine(status.message)
    switch status.code {
    case .unavailable:
      text =
        "cannot reach a server at \(endpoint): \(said)\n"
        + "Start one with `gkick server`, or say where it is with --address or GKICK_ADDRESS."
      exitCode = ExitCodes.unavailable
    case .deadlineExceeded:
      text = "no answer from \(endpoint) in time (\(said)). Allow more with --timeout."
      exitCode = ExitCodes.timedOut
    case .notFound:
      let hint =
        said.hasPrefix("no worker")
        ? "`gkick workers` lists those that are connected."
        : "Finished jobs are forgotten when their retention is over; `gkick jobs` lists what there is."
      text = "\(said)\n\(hint)"
      exitCode = ExitCodes.notFound
    case .invalidArgument, .alreadyExists, .failedPrecondition, .outOfRange:
      text = said
      exitCode = ExitCodes.refused
    case .resourceExhausted:
      text = "the server is full: \(said). Try again later."
      exitCode = ExitCodes.unavailable
    case .unimplemented:
      text = "the server at \(endpoint) does not offer this: \(said)"
      exitCode = ExitCodes.refused
    default:
      text = "\(status.code): \(said)"
      exitCode = ExitCodes.failed
    }
  }
}

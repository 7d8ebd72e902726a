import GKick
import RPCTransport

/// What went wrong between this program and a server in words, with what to do next: the one place that turns failures into advice.
struct CallFailure: Error {
  let text: String
  let exitCode: Int32

  init(_ error: GKickError, endpoint: Endpoint) {
    let said = Table.onOneLine(error.message)
    switch error.code {
    case .unavailable:
      (text, exitCode) = (Self.unreachable(said, endpoint), ExitCodes.unavailable)
    case .timedOut:
      // A connection that was still being made had a reason.
      if ConnectionProblem(in: said) != nil {
        (text, exitCode) = (Self.unreachable(said, endpoint), ExitCodes.unavailable)
      } else {
        text = "no answer from \(endpoint) in time (\(said)). Allow more with --timeout."
        exitCode = ExitCodes.timedOut
      }
    case .notFound:
      (text, exitCode) = ("\(said)\n\(Self.whereToLook(said))", ExitCodes.notFound)
    case .invalid, .alreadyExists, .notPossibleNow, .eventsTrimmed:
      (text, exitCode) = (said, ExitCodes.refused)
    case .limitReached where said.contains("over the limit"):
      text = "too large: \(said). A job's payload may be as long as the server's --max-payload."
      exitCode = ExitCodes.refused
    case .limitReached where said.contains("the limit of"):
      text = "\(said). Try again later; `gkick limits` shows what is used."
      exitCode = ExitCodes.unavailable
    case .limitReached:
      (text, exitCode) = ("the server is full: \(said). Try again later.", ExitCodes.unavailable)
    case .notAllowed:
      let advice =
        said.contains("authorization:")
        ? "\nSay who calls with --token-file FILE, GKICK_TOKEN_FILE or GKICK_TOKEN." : ""
      (text, exitCode) = ("the server at \(endpoint) does not allow this: \(said)\(advice)", ExitCodes.refused)
    case .notSupported:
      (text, exitCode) = ("the server at \(endpoint) does not offer this: \(said)", ExitCodes.refused)
    case .other where said.contains("no grpc-status"):
      text =
        "cannot reach a server at \(endpoint): the port speaks HTTP, not gRPC (\(said)).\n"
        + "That may be the port of --http: use that of --listen, 7450 unless it was said otherwise."
      exitCode = ExitCodes.unavailable
    case .cancelled, .other:
      (text, exitCode) = ("\(error.code): \(said)", ExitCodes.failed)
    }
  }

  private static func whereToLook(_ said: String) -> String {
    if said.hasPrefix("no worker") { return "`gkick workers` lists those that are connected." }
    if said.hasPrefix("no limit") { return "`gkick limits` lists those that there are." }
    if said.hasPrefix("no batch") {
      return "`gkick batches` lists those that there are; finished ones are kept as long as dead jobs."
    }
    if said.hasPrefix("no recurring job") { return "`gkick cron` lists those that there are." }
    if said.hasPrefix("no queue") { return "`gkick queues` lists those that there are." }
    return "Finished jobs are forgotten when their retention is over; `gkick jobs` lists what there is."
  }

  private static func unreachable(_ said: String, _ endpoint: Endpoint) -> String {
    guard let problem = ConnectionProblem(in: said) else {
      // The server is there, and says why it cannot serve.
      return "the server at \(endpoint) cannot serve now: \(said)."
    }
    let what = "cannot reach a server at \(endpoint): \(problem.text)."
    let advice =
      switch problem {
      case .refused, .noSuchSocket:
        "Start one with `gkick server`, or say where it is with --address or GKICK_ADDRESS."
      case .noAnswer: "Is the address right, and no firewall in between? Allow more with --timeout."
      case .nameNotFound: "Say where the server is with --address or GKICK_ADDRESS."
      case .serverWantsTLS: "Use --tls, or --tls-ca FILE for an authority of your own."
      case .serverHasNoTLS: "Leave --tls, --tls-ca, --tls-cert and their variables away."
      case .unknownAuthority: "Name the file with its authority's certificate: --tls-ca FILE."
      case .wrongName: "Use one of the names that its certificate is for."
      case .expired: "It needs a new one; is this machine's clock right?"
      case .certificateWanted: "Show one with --tls-cert FILE and --tls-key FILE."
      case .certificateRefused: "Use one that is signed by an authority that the server knows."
      case .notGRPC: "That may be the port of --http: use that of --listen, 7450 unless it was said otherwise."
      case .closedAtOnce:
        "That may be the port of --http: use that of --listen, 7450 unless it was said otherwise. A server with TLS wants --tls."
      }
    return "\(what)\n\(advice)"
  }
}

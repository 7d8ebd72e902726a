import Glibc
import Jobs
import NIOCore
import RPCTransport

/// Why the server could not start, for the person who started it, with what to do next: the one place that turns what went wrong on the
/// server's side into advice. `PeerNotices` says in the log what clients do wrong.
struct StartFailure: Error, CustomStringConvertible {
  var description: String

  init(_ description: String) { self.description = description }

  /// Nothing can listen there.
  /// - Parameter flag: "--listen", "--http".
  init(listen flag: String, on endpoint: Endpoint, _ error: any Error) {
    var code: Int32?
    if let error = error as? IOError { code = error.errnoCode }
    let what = "cannot listen on \(flag) \(endpoint)"
    description =
      switch (code, endpoint) {
      case (EADDRINUSE, .host(_, let port)):
        "\(what): the port is in use, by another program or another gkick server. End that one "
          + "(`ss -ltnp 'sport = :\(port)'` shows it), or give another port."
      case (EADDRINUSE, .unix):
        "\(what): another program listens there. End that one, or give another path."
      case (EADDRNOTAVAIL, _):
        "\(what): this machine has no such address. Give one of its own (`ip address` shows them), or 0.0.0.0 for all."
      case (EACCES, .host), (EPERM, .host):
        "\(what): this user may not. Ports below 1024 need the right to (CAP_NET_BIND_SERVICE); give a higher one."
      case (EACCES, .unix), (EPERM, .unix): "\(what): this user may not make a socket in that folder."
      case (ENOENT, .unix): "\(what): there is no such folder. Make it, or give another path."
      case (let code?, _): "\(what): \(Self.words(code))"
      case (nil, _):
        error is SocketAddressError || error is SocketAddressError.UnknownHost
          ? "\(what): the name is not known. Give an address of this machine." : "\(what): \(error)"
      }
  }

  /// What ended the start, whatever it was.
  init(_ error: any Error, _ settings: ServerSettings) {
    switch error {
    case let error as StartFailure: self = error
    case let error as TLSFileProblem: description = Self.text(error)
    case let error as StoreError: description = Self.text(error, settings)
    default: description = "\(error)"
    }
  }

  private static func text(_ problem: TLSFileProblem) -> String {
    let (flag, meant) =
      switch problem.part {
      case .key:
        ("--tls-key", "the private key of the certificate of --tls-cert, in PEM form and not encrypted")
      case .authorities:
        ("--tls-client-ca", "the certificates, in PEM form, of the authorities that sign clients")
      case .certificates: ("--tls-cert", "the server's certificate in PEM form, and then those up to its authority")
      }
    return "\(flag) \(problem.file): \(problem.reason). It is to be a file that this user may read, with \(meant)."
  }

  private static func text(_ error: StoreError, _ settings: ServerSettings) -> String {
    let what = "--store \(settings.store): \(error.message)"
    return switch (error.kind, settings.store) {
    case (.unavailable, .embedded):
      "\(what). Give a folder that this user may write to (--store embedded:FOLDER)."
    case (.unavailable, _):
      "\(what). Does it run, and is its address right? It was waited for as long as --store-wait says, "
        + "\(IntervalText.format(settings.storeWait))."
    case (.locked, .embedded):
      "\(what). End that one, or give another folder; servers that are to share their jobs need a store that they can share: "
        + "Redis, PostgreSQL, MariaDB or MySQL."
    case (.full, _): "\(what). Make room, and start it again; nothing is lost."
    case (.locked, _), (.unusable, _), (.deposed, _): what
    }
  }

  private static func words(_ code: Int32) -> String {
    // The text belongs to the C library and is copied at once.
    unsafe String(cString: strerror(code))
  }
}

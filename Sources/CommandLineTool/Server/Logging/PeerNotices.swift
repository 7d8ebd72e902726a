import Gateway
import Logging
import RPCTransport
import Synchronization

/// Says in the log what clients do wrong with a port, with what to do about it: each kind once a minute, however many there are.
final class PeerNotices: Sendable {
  private struct Seen {
    var said: ContinuousClock.Instant
    var unsaid = 0
  }
  private let seen = Mutex<[String: Seen]>([:])
  private let logger: Logger
  private let clock: @Sendable () -> ContinuousClock.Instant
  private static let pause = Duration.seconds(60)

  init(_ logger: Logger, clock: @escaping @Sendable () -> ContinuousClock.Instant = { .now }) {
    self.logger = logger
    self.clock = clock
  }

  func tell(_ problem: PeerProblem, _ address: String) {
    let text =
      switch problem {
      case .speaksTLS:
        "a client speaks TLS to a port without: leave its --tls away, or start the server with --tls-cert and --tls-key"
      case .speaksPlaintext: "a client speaks plaintext to a port with TLS: give it --tls, or --tls-ca FILE"
      case .speaksHTTP1:
        "a client speaks HTTP/1 to the port of gRPC: JSON, the page, health and metrics are on the port of --http"
      case .offersNoHTTP2: "a client does not offer HTTP/2 (ALPN h2), which gRPC needs: is there a proxy in between?"
      case .showsNoCertificate:
        "a client shows no certificate: give it one, with --tls-cert and --tls-key, that --tls-client-ca vouches for"
      case .showsUnknownCertificate:
        "a client's certificate is not good: it is to be valid, and signed by an authority of --tls-client-ca"
      case .distrustsServer:
        "a client does not trust the certificate of --tls-cert: give it its authority, --tls-ca FILE"
      }
    tell(text, address)
  }

  func tell(_ stranger: GatewayStranger, _ address: String) {
    switch stranger {
    case .speaksGRPC: tell("a client speaks gRPC to the port of --http: gRPC is on that of --listen", address)
    case .speaksTLS:
      tell(
        "a client speaks TLS to a --http port without: it is to say http:, or the server is to have --http-tls", address
      )
    }
  }

  private func tell(_ text: String, _ address: String) {
    let now = clock()
    let unsaid = seen.withLock { seen -> Int? in
      if let last = seen[text], now - last.said < Self.pause {
        seen[text]?.unsaid += 1
        return nil
      }
      return seen.updateValue(Seen(said: now), forKey: text)?.unsaid ?? 0
    }
    guard let unsaid else { return }
    var metadata: Logger.Metadata = ["peer": "\(address)"]
    if unsaid > 0 { metadata["others"] = "\(unsaid)" }
    logger.warning("\(text)", metadata: metadata)
  }
}

import NIOCore
import RPC
import RPCTransport
import Services

/// The way to the server that leads, over gKick's own client.
final class LeaderClient: LeaderChannel {
  private let channel: ClientChannel

  init(_ address: String, _ loop: any EventLoop, settings: ServerSettings) throws {
    guard let target = ClientTarget(address, defaultPort: 7450) else {
      throw StartFailure("'\(address)' is no address")
    }
    channel = try ClientChannel(target: target, configuration: Self.configuration(settings), group: loop)
  }

  private static func configuration(_ settings: ServerSettings) -> ClientConfiguration {
    var configuration = ClientConfiguration()
    configuration.userAgent = "gkick-front/" + Version.text
    configuration.idleTimeout = nil
    // Whoever waits asks again by itself; a leader that has gone is to be noticed soon.
    configuration.backoff.initial = .milliseconds(50)
    configuration.backoff.maximum = .milliseconds(500)
    configuration.backoff.connectTimeout = .seconds(1)
    configuration.maxReceiveMessageSize = 256 << 20
    configuration.maxHeaderListSize = 1 << 20
    if let tls = settings.tls {
      var client = ClientTLS(
        roots: .file(settings.advertiseAuthorities ?? tls.clientAuthorities ?? tls.certificate),
        identity: ClientTLS.Identity(certificateChainFile: tls.certificate, privateKeyFile: tls.key))
      // Servers move; they know each other by their authority, and by the storage's secret.
      client.verifiesName = false
      configuration.tls = client
    }
    return configuration
  }

  func open(
    _ path: String, metadata: Metadata, options: CallOptions,
    _ makeHandler: @escaping @Sendable () -> any ClientCallHandler
  ) {
    channel.open(path, metadata: metadata, options: options, makeHandler)
  }

  func close() {
    let channel = channel
    Task { await channel.close() }
  }
}

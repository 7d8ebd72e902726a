import ArgumentParser

/// The flags about connections. Those that are only of use to people who know their network well are not in the help, but in
/// Docs/operations.md.
struct TransportFlags: ParsableArguments {
  @Option(help: ServerFlags.help("How many connections are held at once.", "20000", "--max-connections", "N"))
  var maxConnections: String?

  @Option(help: ServerFlags.help("How many calls one connection may hold open at once.", "1000", "--max-streams", "N"))
  var maxStreams: String?

  @Option(
    help: ServerFlags.help(
      "How often clients may ask by HTTP/2 PING whether the server is there.", "10s", "--min-ping-interval", "TIME"))
  var minPingInterval: String?

  @Option(help: ArgumentHelp(visibility: .hidden)) var handshakeTimeout: String?
  @Option(help: ArgumentHelp(visibility: .hidden)) var headerTimeout: String?
  @Option(help: ArgumentHelp(visibility: .hidden)) var writeTimeout: String?
  @Option(help: ArgumentHelp(visibility: .hidden)) var stallTimeout: String?
  @Option(help: ArgumentHelp(visibility: .hidden)) var keepalive: String?
}

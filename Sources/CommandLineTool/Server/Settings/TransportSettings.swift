import Jobs

/// What the flags about connections say, checked.
struct TransportSettings: Sendable {
  var maxConnections: Int
  var maxStreams: Int
  var minPingInterval: Interval
  var handshakeTimeout: Interval
  var headerTimeout: Interval
  var writeTimeout: Interval
  var stallTimeout: Interval
  var keepalive: Interval

  init(_ flags: TransportFlags, environment: SettingSources) throws {
    func setting(_ flag: String, _ given: String?) -> Setting { Setting(flag, given, environment: environment) }
    func time(_ flag: String, _ given: String?, default standard: Interval) throws -> Interval {
      try setting(flag, given).time(default: standard, .milliseconds(100)...(.days(1)))
    }
    maxConnections = try setting("--max-connections", flags.maxConnections).number(default: 20_000, 1...1_000_000)
    maxStreams = try setting("--max-streams", flags.maxStreams).number(default: 1_000, 1...100_000)
    minPingInterval = try setting("--min-ping-interval", flags.minPingInterval)
      .time(default: .seconds(10), .zero...(.days(1)))
    handshakeTimeout = try time("--handshake-timeout", flags.handshakeTimeout, default: .seconds(10))
    headerTimeout = try time("--header-timeout", flags.headerTimeout, default: .seconds(10))
    writeTimeout = try time("--write-timeout", flags.writeTimeout, default: .seconds(20))
    stallTimeout = try time("--stall-timeout", flags.stallTimeout, default: .seconds(120))
    keepalive = try time("--keepalive", flags.keepalive, default: .seconds(120))
  }

  /// Lowers the number of connections to what the system lets a process open, with some files left for the store, health checks and what
  /// the server itself needs.
  /// - Returns: what the operator should hear about it.
  mutating func fit(openFiles: Int, loops: Int) -> String? {
    let own = min(openFiles / 2, 128 + 4 * loops)
    let possible = max(1, openFiles - own)
    guard possible < maxConnections else { return nil }
    let wanted = maxConnections
    maxConnections = possible
    return """
      the system lets this process open \(openFiles) files: at most \(possible) connections are held, not \(wanted) \
      (--max-connections); raise it with `ulimit -n` or LimitNOFILE=
      """
  }
}

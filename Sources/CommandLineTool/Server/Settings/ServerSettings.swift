import ArgumentParser
import Jobs
import Logging

/// All that `gkick server` was told, checked.
struct ServerSettings: Sendable {
  struct TLS: Sendable {
    var certificate: String
    var key: String
    /// Clients must show a certificate signed by one of these.
    var clientAuthorities: String?
  }

  var listen: [Endpoint]
  var store: StoreLocation
  var redis = RedisSettings()
  /// nil: what is listened on.
  var advertise: Endpoint?
  /// PEM file; nil: see LeaderClient.
  var advertiseAuthorities: String?
  var sql = SQLSettings()
  /// nil: no monitor.
  var http: Endpoint?
  var storeTerms = StoreConfiguration()
  var durability: Durability
  /// Bytes.
  var maxPayload: Int
  var access: AccessSettings
  var connections: TransportSettings
  var loops: Int
  var drainTimeout: Interval
  /// How long a store that is away is waited for at the start.
  var storeWait: Interval
  /// Zero: none.
  var watchdog: Interval
  var tls: TLS?
  /// TLS for JSON over HTTP and the web page, too.
  var httpTLS = false
  /// Web pages of these origins may call over HTTP.
  var httpOrigins: [String] = []
  /// The folder with the time zone database; nil: where systems have it.
  var tzdata: String?
  var cronFile: String?
  var telemetry: TelemetrySettings
  var logLevel: Logger.Level
  var logFormat: LogFormat

  init(_ flags: ServerFlags, environment: SettingSources, processors: Int) throws {
    func setting(_ flag: String, _ given: String?) -> Setting { Setting(flag, given, environment: environment) }
    func time(
      _ flag: String, _ given: String?, default standard: Interval, _ range: ClosedRange<Interval>
    ) throws -> Interval {
      try setting(flag, given).time(default: standard, range)
    }
    func number(_ flag: String, _ given: String?, default standard: Int, _ range: ClosedRange<Int>) throws -> Int {
      try setting(flag, given).number(default: standard, range)
    }

    listen = try setting("--listen", flags.listen.isEmpty ? nil : flags.listen.joined(separator: ","))
      .value(default: [.host("127.0.0.1", port: 7450)], allowed: Endpoint.form) { text in
        let endpoints = text.split(separator: ",", omittingEmptySubsequences: false).map { Endpoint(String($0)) }
        let good = endpoints.compactMap(\.self)
        return good.count == endpoints.count && Set(good).count == good.count ? good : nil
      }
    advertise = try setting("--advertise", flags.advertise).value(default: nil, allowed: "HOST:PORT") { text in
      if case .host(_, let port)? = Endpoint(text), port > 0 { return .some(Endpoint(text)) }
      return nil
    }
    advertiseAuthorities = setting("--advertise-ca", flags.advertiseCA).text
    http = try setting("--http", flags.http)
      .value(default: .host("127.0.0.1", port: 7451), allowed: "HOST:PORT or none") { text in
        if text == "none" { return .some(nil) }
        if case .host? = Endpoint(text) { return .some(Endpoint(text)) }
        return nil
      }
    store = try setting("--store", flags.store)
      .value(default: .embedded(path: "./gkick-data"), allowed: StoreLocation.form) { StoreLocation($0) }
    sql.schema = try setting("--store-schema", flags.storeSchema)
      .value(default: sql.schema, allowed: "1 to 40 bytes") { (1...40).contains($0.utf8.count) ? $0 : nil }
    sql.inboxPoll = try time("--inbox-poll", flags.inboxPoll, default: sql.inboxPoll, .milliseconds(1)...(.seconds(60)))
    redis.wait = try number("--redis-wait", flags.redisWait, default: 0, 0...100)
    redis.prefix = try setting("--redis-prefix", flags.redisPrefix)
      .value(default: redis.prefix, allowed: "1 to 64 bytes") { (1...64).contains($0.utf8.count) ? $0 : nil }
    redis.authorities = try setting("--redis-ca", flags.redisCa).value(default: nil, allowed: "a file") { .some($0) }

    storeTerms.lease = try time(
      "--lease", flags.lease, default: storeTerms.lease, .milliseconds(500)...(.days(1)))
    // Who asks for short leases does not want to wait longer for a worker that does not stop.
    storeTerms.timeoutGrace = min(storeTerms.timeoutGrace, storeTerms.lease)
    // No other server has workers of an embedded store.
    storeTerms.takeOver = if case .embedded = store { .zero } else { min(storeTerms.takeOver, storeTerms.lease) }
    storeTerms.retention = try time(
      "--retention", flags.retention, default: storeTerms.retention, .zero...(.days(3_650)))
    storeTerms.deadRetention = try time(
      "--dead-retention", flags.deadRetention, default: storeTerms.deadRetention, .zero...(.days(3_650)))
    try storeTerms.readEventRetention(setting("--event-retention", flags.eventRetention))

    let durabilities = Choice<Durability>(.synced, .relaxed)
    durability = try setting("--durability", flags.durability)
      .value(default: .synced, allowed: durabilities.form) { durabilities[$0] }
    maxPayload = try setting("--max-payload", flags.maxPayload)
      .value(default: 1 << 20, allowed: "\(ByteCountText.form), from 1KiB to 4MiB, which is what stock clients take") {
        text in
        ByteCountText.parse(text).flatMap { (1 << 10...4 << 20).contains($0) ? Int($0) : nil }
      }
    sql.payloadLimit = maxPayload
    access = try AccessSettings(flags.access, environment: environment)
    connections = try TransportSettings(flags.transport, environment: environment)
    // One processor is for the engine's thread, and few loops keep it busy.
    loops = try number("--loops", flags.loops, default: min(max(1, processors - 1), 8), 1...256)
    storeWait = try time("--store-wait", flags.storeWait, default: .seconds(60), .zero...(.days(1)))
    drainTimeout = try time("--drain-timeout", flags.drainTimeout, default: .seconds(30), .zero...(.days(1)))

    watchdog = try setting("--watchdog", flags.watchdog)
      .value(default: .seconds(60), allowed: "0 or \(IntervalText.form), from 2s to 1d") { text in
        if text == "0" { return .zero }
        return IntervalText.parse(text).flatMap { $0 == .zero || (.seconds(2)...(.days(1))).contains($0) ? $0 : nil }
      }

    tzdata = setting("--tzdata", flags.tzdata).text
    cronFile = setting("--cron-file", flags.cronFile).text
    let certificate = setting("--tls-cert", flags.tlsCert).text
    let key = setting("--tls-key", flags.tlsKey).text
    let authorities = setting("--tls-client-ca", flags.tlsClientCA).text
    switch (certificate, key) {
    case (let certificate?, let key?):
      tls = TLS(certificate: certificate, key: key, clientAuthorities: authorities)
    case (nil, nil):
      guard authorities == nil else {
        throw ValidationError("--tls-client-ca: needs --tls-cert and --tls-key")
      }
    case (nil, _): throw ValidationError("--tls-key: needs --tls-cert")
    case (_, nil): throw ValidationError("--tls-cert: needs --tls-key")
    }

    httpTLS = try Setting.isOn("--http-tls", flags.httpTLS, environment: environment)
    if httpTLS, tls == nil { throw ValidationError("--http-tls: needs --tls-cert and --tls-key") }
    httpOrigins =
      setting("--http-origin", flags.httpOrigin.isEmpty ? nil : flags.httpOrigin.joined(separator: ",")).text?
      .split(separator: ",").map(String.init) ?? []
    for origin in httpOrigins where !Self.isOrigin(origin) {
      throw ValidationError("--http-origin: '\(origin)' is not https://HOST or https://HOST:PORT, without a path")
    }

    for endpoint in listen { try access.check(endpoint, flag: "--listen", isEncrypted: tls != nil) }
    if let http { try access.check(http, flag: "--http", isEncrypted: httpTLS) }

    telemetry = try TelemetrySettings(flags.telemetry, environment: environment)
    logLevel = try setting("--log-level", flags.logLevel)
      .value(
        default: .info, allowed: "one of " + Logger.Level.allCases.map(\.rawValue).joined(separator: ", ")
      ) { Logger.Level(rawValue: $0) }
    logFormat = try setting("--log-format", flags.logFormat)
      .value(default: .text, allowed: "text or json") { LogFormat(rawValue: $0) }
    try environment.refuseUnknown()
  }

  /// Scheme, host and perhaps a port, as browsers send it (RFC 6454, section 6.2).
  private static func isOrigin(_ text: String) -> Bool {
    guard let scheme = ["https://", "http://"].first(where: { text.hasPrefix($0) }) else { return false }
    let rest = text.dropFirst(scheme.count)
    return !rest.isEmpty && !rest.contains("/") && !rest.contains("*") && !rest.contains(" ")
  }

  /// What a careful operator would want to hear at start.
  var warnings: [String] {
    var warnings: [String] = []
    for endpoint in listen where !endpoint.isLocal {
      if tls == nil {
        warnings.append(
          "\(endpoint) can be reached from other machines, without encryption: set --tls-cert and --tls-key")
      }
      if tls?.clientAuthorities == nil, access.file == nil {
        warnings.append(
          "\(endpoint) lets in everyone who can reach it: set --auth or --tls-client-ca, or keep it behind a firewall")
      }
    }
    if let http, !http.isLocal, access.file == nil {
      warnings.append("--http \(http) lets everyone who can reach it look at jobs and change them")
    }
    if durability == .relaxed {
      warnings.append("--durability relaxed: a power failure can lose the last second of acknowledged jobs")
    }
    if store == .memory {
      warnings.append("--store memory: every job is lost when the server ends")
    }
    return warnings
  }
}

extension StoreConfiguration {
  /// `24h`, `1GiB`, or both as `24h,1GiB`; what is not named keeps its default.
  fileprivate mutating func readEventRetention(_ setting: Setting) throws {
    guard let text = setting.text else { return }
    let refusal = setting.refusal(
      text, allowed: "a time (24h), a size (1GiB) or both (24h,1GiB); at least 1s and 64KiB")
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      if let time = IntervalText.parse(String(part)) {
        guard time >= .seconds(1) else { throw refusal }
        eventRetention = time
      } else if let size = ByteCountText.parse(String(part)), size >= 64 << 10 {
        eventBytes = size
      } else {
        throw refusal
      }
    }
  }
}

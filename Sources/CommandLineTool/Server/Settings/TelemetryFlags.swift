import ArgumentParser

/// The flags about traces.
struct TelemetryFlags: ParsableArguments {
  @Option(
    help: ServerFlags.help(
      "The OpenTelemetry collector that traces of jobs are sent to, by OTLP over gRPC.", "none", "--otlp",
      "http[s]://HOST[:PORT]"))
  var otlp: String?

  @Option(
    help: ServerFlags.help(
      "How many of the jobs whose producer says nothing of a trace are traced, from 0 to 1.", "0", "--otlp-sample",
      "RATIO"))
  var otlpSample: String?

  @Option(
    name: .customLong("otlp-ca"),
    help: ServerFlags.help(
      "PEM file of the authorities that an https:// collector's certificate is checked against.", "the system's",
      "--otlp-ca", "FILE"))
  var otlpCA: String?
}

/// What they say, checked.
struct TelemetrySettings: Sendable {
  struct Collector: Hashable, Sendable {
    var host: String
    var port: Int
    var isTLS: Bool
  }

  /// nil: nothing is traced.
  var collector: Collector?
  var ratio: Double
  /// PEM file; nil: the system's.
  var authorities: String?

  static let standardPort = 4317

  init(_ flags: TelemetryFlags, environment: SettingSources) throws {
    func setting(_ flag: String, _ given: String?) -> Setting { Setting(flag, given, environment: environment) }
    collector = try setting("--otlp", flags.otlp).value(
      default: nil, allowed: "http://HOST[:PORT] or https://HOST[:PORT], without a path"
    ) { Self.collector($0).map { .some($0) } }
    ratio = try setting("--otlp-sample", flags.otlpSample).value(default: 0, allowed: "a number from 0 to 1") { text in
      Double(text).flatMap { (0...1).contains($0) ? $0 : nil }
    }
    authorities = setting("--otlp-ca", flags.otlpCA).text
    if collector == nil, ratio > 0 { throw ValidationError("--otlp-sample: needs --otlp") }
    if collector?.isTLS != true, authorities != nil { throw ValidationError("--otlp-ca: needs --otlp https://...") }
  }

  private static func collector(_ text: String) -> Collector? {
    guard let scheme = ["http://", "https://"].first(where: { text.hasPrefix($0) }) else { return nil }
    var rest = String(text.dropFirst(scheme.count))
    if rest.hasSuffix("/") { rest.removeLast() }
    guard !rest.contains("/"), !rest.contains("@"), !rest.contains("?") else { return nil }
    // A port is only what follows the brackets of an IPv6 address.
    let hasPort = rest.hasSuffix("]") ? false : rest.contains(":")
    guard case .host(let host, let port)? = Endpoint(hasPort ? rest : "\(rest):\(standardPort)"), port > 0 else {
      return nil
    }
    return Collector(host: host, port: port, isTLS: scheme == "https://")
  }
}

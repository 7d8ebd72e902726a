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

  @Option(
    name: .customLong("otlp-header"),
    help: ServerFlags.help(
      "Sent with every request to the collector, as a key that it wants; may be given several times.", "none",
      "--otlp-header", "NAME=VALUE"))
  var otlpHeader: [String] = []
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

  /// Sent with every request.
  var headers: [(name: String, value: String)] = []

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
    headers = try setting("--otlp-header", flags.otlpHeader.isEmpty ? nil : flags.otlpHeader.joined(separator: ","))
      .value(default: [], allowed: "NAME=VALUE, or several of them with commas") { text in
        let parts = text.split(separator: ",", omittingEmptySubsequences: false)
        let read = parts.compactMap { Self.header($0.drop { $0 == " " }) }
        return read.count == parts.count ? read : nil
      }
    guard !headers.isEmpty else { return }
    guard let collector else { throw ValidationError("--otlp-header: needs --otlp") }
    // It may be a key.
    guard collector.isTLS || Endpoint.host(collector.host, port: collector.port).isLocal else {
      throw ValidationError("--otlp-header: would go to \(collector.host) in plaintext: say --otlp https://...")
    }
  }

  /// A name as gRPC's metadata have them, in any case, and a value of visible characters and spaces.
  private static func header(_ text: Substring) -> (name: String, value: String)? {
    let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2 else { return nil }
    let name = parts[0].lowercased()
    let isName = !name.isEmpty && !name.hasPrefix("grpc-") && !name.hasSuffix("-bin")
    guard isName, name.utf8.allSatisfy({ isLetter($0) }), parts[1].utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }) else {
      return nil
    }
    return (name, String(parts[1]))
  }

  private static func isLetter(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"),
      UInt8(ascii: "_"), UInt8(ascii: "."):
      true
    default: false
    }
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

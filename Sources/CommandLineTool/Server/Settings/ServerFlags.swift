import ArgumentParser

/// The flags of `gkick server` as text. `ServerSettings` says what they may be; each is also read from the environment, so
/// none has a default here.
struct ServerFlags: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "A YAML or JSON file with the flags' names as keys. (GKICK_CONFIG)", valueName: "FILE"), completion: .file())
  var config: String?

  @Flag(help: "Print every setting and who set it, as such a file, and end.") var printConfig = false

  @Option(
    help: Self.help(
      "Where producers and workers connect; may be given several times.", "127.0.0.1:7450", "--listen",
      "HOST:PORT|unix:PATH"))
  var listen: [String] = []

  @Option(help: Self.help("Where the jobs are kept.", "embedded:./gkick-data", "--store", "URL"))
  var store: String?

  @Option(
    help: Self.help(
      "Where in a database everything is: a schema; in MySQL the beginning of all names.", "gkick", "--store-schema",
      "NAME"))
  var storeSchema: String?

  @Option(help: Self.help("How often MySQL is asked for what was put in by SQL.", "50ms", "--inbox-poll", "TIME"))
  var inboxPoll: String?

  @Option(help: Self.help("How many Redis replicas must confirm what is acknowledged.", "0", "--redis-wait", "N"))
  var redisWait: String?

  @Option(help: Self.help("Begins every key in Redis.", "{gkick}:", "--redis-prefix", "TEXT"))
  var redisPrefix: String?

  @Option(
    help: Self.help(
      "PEM file of the authorities that the certificate of a rediss:// server is checked against.", "the system's",
      "--redis-ca", "FILE"))
  var redisCa: String?

  @Option(
    help: Self.help(
      "Where the other servers on the same store reach this one.", "what --listen says", "--advertise", "HOST:PORT"))
  var advertise: String?

  @Option(
    name: .customLong("advertise-ca"),
    help: Self.help(
      "PEM file of the authorities that the other servers' certificates are checked against.",
      "those of --tls-client-ca, else this server's own certificate", "--advertise-ca", "FILE"))
  var advertiseCA: String?

  @Option(
    help: Self.help(
      "Where JSON over HTTP, the web page, /healthz, /readyz and /metrics are served; none turns it off.",
      "127.0.0.1:7451", "--http", "HOST:PORT|none"))
  var http: String?

  @Flag(name: .customLong("http-tls"), help: "TLS there too, with the certificate of --tls-cert. (GKICK_HTTP_TLS=1)")
  var httpTLS = false

  @Option(
    name: .customLong("http-origin"),
    help: Self.help(
      "Web pages of this origin may call there, too; may be given several times.", nil, "--http-origin",
      "https://HOST[:PORT]"))
  var httpOrigin: [String] = []

  @Option(help: Self.help("How long a silent worker keeps its jobs.", "30s", "--lease", "TIME"))
  var lease: String?

  @Option(
    help: Self.help(
      "How long succeeded, canceled and expired jobs can be looked up, unless the job says.", "1h", "--retention",
      "TIME"))
  var retention: String?

  @Option(help: Self.help("How long dead jobs are kept, unless the job says.", "30d", "--dead-retention", "TIME"))
  var deadRetention: String?

  @Option(
    help: Self.help(
      "How long and how many bytes of events are kept.", "24h,1GiB", "--event-retention", "TIME|SIZE|TIME,SIZE"))
  var eventRetention: String?

  @Option(
    help: Self.help(
      "What an acknowledged enqueue survives: power loss, or only the server's crash.", "synced", "--durability",
      "synced|relaxed"))
  var durability: String?

  @Option(help: Self.help("The largest payload or result of a job.", "1MiB", "--max-payload", "SIZE"))
  var maxPayload: String?

  @OptionGroup var access: AccessFlags

  @OptionGroup var transport: TransportFlags

  @Option(help: Self.help("Threads that serve connections.", "one less than processors, at most 8", "--loops", "N"))
  var loops: String?

  @Option(help: Self.help("How long running jobs are waited for at the end.", "30s", "--drain-timeout", "TIME"))
  var drainTimeout: String?

  @Option(
    help: Self.help(
      "How long a store that cannot be reached is waited for at the start.", "60s", "--store-wait", "TIME"))
  var storeWait: String?

  @Option(
    help: Self.help(
      "The process ends itself, to be started again, when one of its threads has stood still for so long; 0 turns it off.",
      "60s", "--watchdog", "TIME"))
  var watchdog: String?

  @Option(
    help: Self.help(
      "A JSON document of recurring jobs: read at the start and on SIGHUP; what is no longer in it goes.", nil,
      "--cron-file", "FILE"))
  var cronFile: String?

  @Option(
    help: Self.help(
      "The folder of the time zone database, for recurring jobs.", "/usr/share/zoneinfo", "--tzdata", "FOLDER"))
  var tzdata: String?

  @Option(
    help: Self.help(
      "PEM file with the server's certificate chain; read again when it changes and on SIGHUP.", "no TLS", "--tls-cert",
      "FILE"))
  var tlsCert: String?

  @Option(help: Self.help("PEM file with its private key.", nil, "--tls-key", "FILE"))
  var tlsKey: String?

  @Option(
    name: .customLong("tls-client-ca"),
    help: Self.help(
      "PEM file with authorities: clients must show a certificate of theirs.", nil, "--tls-client-ca", "FILE"))
  var tlsClientCA: String?

  @Option(
    help: Self.help(
      "The least important messages that are logged: trace, debug, info, notice, warning, error, critical.", "info",
      "--log-level", "LEVEL"))
  var logLevel: String?

  @Option(help: Self.help("Lines for people or for programs.", "text", "--log-format", "text|json"))
  var logFormat: String?

  @OptionGroup var telemetry: TelemetryFlags

  static func help(_ text: String, _ standard: String?, _ flag: String, _ value: String) -> ArgumentHelp {
    let notes = [standard.map { "default: \($0)" }, Setting.variable(for: flag)].compactMap(\.self)
    return ArgumentHelp("\(text) (\(notes.joined(separator: "; ")))", valueName: value)
  }
}

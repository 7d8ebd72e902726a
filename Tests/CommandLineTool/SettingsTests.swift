import ArgumentParser
import Jobs
import Support
import Testing

@testable import CommandLineTool

@Suite(.aside) struct SettingsTests {
  private func settings(
    _ arguments: [String], _ environment: [String: String] = [:], processors: Int = 4
  ) throws -> ServerSettings {
    try ServerSettings(
      ServerFlags.parse(arguments), environment: SettingSources(environment: environment), processors: processors)
  }

  private func settings(
    _ arguments: [String] = [], _ environment: [String: String] = [:], file: String
  ) throws -> ServerSettings {
    let sources = SettingSources(environment: environment, file: try SettingsFile(file, path: "/etc/server.yaml"))
    return try ServerSettings(ServerFlags.parse(arguments), environment: sources, processors: 4)
  }

  @Test func theFileIsUnderTheEnvironmentAndTheFlags() throws {
    let file = """
      # All that a file may say.
      lease: 7s
      retention: 3h          # the environment says otherwise
      dead-retention: 5d     # a flag says otherwise
      max-connections: 1234
      http-tls: false
      listen:
        - 127.0.0.1:1
        - unix:/run/gkick.sock
      store:
      """
    let settings = try settings(["--dead-retention", "6d"], ["GKICK_RETENTION": "2h"], file: file)
    #expect(settings.storeTerms.lease == .seconds(7))
    #expect(settings.storeTerms.retention == .hours(2))
    #expect(settings.storeTerms.deadRetention == .days(6))
    #expect(settings.connections.maxConnections == 1_234)
    #expect(settings.listen == [.host("127.0.0.1", port: 1), .unix(path: "/run/gkick.sock")])
    #expect(settings.store == .embedded(path: "./gkick-data"), "an empty value is none")
  }

  @Test func aFileMayBeJSON() throws {
    let settings = try settings(file: #"{"lease": "9s", "listen": ["127.0.0.1:2"], "max-streams": 7}"#)
    #expect(settings.storeTerms.lease == .seconds(9))
    #expect(settings.listen == [.host("127.0.0.1", port: 2)])
    #expect(settings.connections.maxStreams == 7)
  }

  @Test(arguments: [
    ("leese: 3s", "there is no setting 'leese'"), ("lease: 5", "lease in /etc/server.yaml: '5' is not"),
    ("lease: {a: 1}", "'lease' must be one value"), ("- lease", "key: value"),
    ("lease: 3s\nlease: 4s", "lease"), ("lease: \"3s", "line"), ("config: other.yaml", "'config'"),
    ("print-config: true", "'print-config'"),
  ])
  func whatIsWrongWithAFileIsSaid(file: String, words: String) {
    let error = #expect(throws: (any Error).self) { try settings(file: file) }
    #expect(ServerFlags.message(for: error!).contains(words))
  }

  @Test func aFileOfCommentsSaysNothing() throws {
    #expect(try settings(file: "# lease: 3s\n").storeTerms.lease == .seconds(30))
    #expect(try settings(file: "").storeTerms.lease == .seconds(30))
  }

  @Test func whatIsSetIsPrintedAsAFile() throws {
    let sources = SettingSources(
      environment: ["GKICK_LEASE": "5s"], file: try SettingsFile("store: 'embedded:/x y'", path: "f.yaml"))
    let flags = try ServerFlags.parse(["--retention", "2h", "--http-tls", "--tls-cert", "c", "--tls-key", "k"])
    _ = try ServerSettings(flags, environment: sources, processors: 4)
    let text = sources.description
    #expect(text.contains("lease: '5s'  # GKICK_LEASE (--lease)"))
    #expect(text.contains("retention: '2h'  # --retention"))
    #expect(text.contains("store: 'embedded:/x y'  # store in f.yaml"))
    #expect(text.contains("http-tls: true  # --http-tls"))
    #expect(text.contains("# max-payload:"))
    // What is printed can be read again.
    let again = SettingSources(environment: [:], file: try SettingsFile(text, path: "again.yaml"))
    let settings = try ServerSettings(ServerFlags.parse([]), environment: again, processors: 4)
    #expect(settings.storeTerms.lease == .seconds(5) && settings.store == .embedded(path: "/x y") && settings.httpTLS)
  }

  @Test func everyDefaultIsAsDocumented() throws {
    let settings = try settings([])
    #expect(settings.listen == [.host("127.0.0.1", port: 7450)])
    #expect(settings.http == .host("127.0.0.1", port: 7451))
    #expect(settings.store == .embedded(path: "./gkick-data"))
    #expect(settings.storeTerms.lease == .seconds(30))
    #expect(settings.storeTerms.timeoutGrace == .seconds(10))
    #expect(settings.storeTerms.retention == .hours(1))
    #expect(settings.storeTerms.deadRetention == .days(30))
    #expect(settings.storeTerms.eventRetention == .hours(24))
    #expect(settings.storeTerms.eventBytes == 1 << 30)
    #expect(settings.durability == .synced)
    #expect(settings.maxPayload == 1 << 20)
    #expect(settings.drainTimeout == .seconds(30))
    #expect(settings.storeWait == .seconds(60))
    #expect(settings.loops == 3)
    #expect(settings.tls == nil)
    #expect(settings.warnings.isEmpty)
  }

  @Test(arguments: [(1, 1), (2, 1), (3, 2), (9, 8), (64, 8)])
  func oneProcessorIsLeftToTheEngine(processors: Int, loops: Int) throws {
    #expect(try settings([], processors: processors).loops == loops)
  }

  @Test func theFlagWinsOverTheEnvironment() throws {
    let environment = ["GKICK_LEASE": "5s", "GKICK_RETENTION": "2h", "GKICK_DURABILITY": ""]
    let settings = try settings(["--lease", "2s"], environment)
    #expect(settings.storeTerms.lease == .seconds(2))
    #expect(settings.storeTerms.timeoutGrace == .seconds(2))
    #expect(settings.storeTerms.retention == .hours(2))
    #expect(settings.durability == .synced)
  }

  @Test(arguments: [
    (["--lease", "5"], "--lease"), (["--lease", "1us"], "--lease"), (["--listen", "7450"], "--listen"),
    (["--listen", "h:70000"], "--listen"), (["--listen", "::1:7450"], "--listen"), (["--http", "unix:/x"], "--http"),
    (["--store", "sqlite:x"], "--store"), (["--store", "embedded:"], "--store"),
    (["--durability", "maybe"], "--durability"),
    (["--max-payload", "1TiB"], "--max-payload"), (["--max-payload", "9223372036854775807GiB"], "--max-payload"),
    (["--event-retention", "24h,"], "--event-retention"), (["--event-retention", "1KiB"], "--event-retention"),
    (["--loops", "0"], "--loops"), (["--max-connections", "-1"], "--max-connections"),
    (["--tls-cert", "c"], "--tls-cert"),
    (["--tls-key", "k"], "--tls-key"), (["--tls-client-ca", "a"], "--tls-client-ca"),
    (["--log-level", "loud"], "--log-level"), (["--log-format", "xml"], "--log-format"),
    (["--drain-timeout", "99999999999999999999s"], "--drain-timeout"),
  ])
  func aBadValueIsRefusedWithItsFlag(arguments: [String], flag: String) {
    // "--max-connections -1" is already refused by the parser, in its own words.
    let error = #expect(throws: (any Error).self) { try settings(arguments) }
    #expect(ServerFlags.message(for: error!).contains(flag))
    #expect(ServerFlags.exitCode(for: error!).rawValue == 64)
  }

  @Test func aBadVariableIsRefusedWithItsName() {
    let error = #expect(throws: (any Error).self) { try settings([], ["GKICK_MAX_PAYLOAD": "big"]) }
    #expect(ServerFlags.message(for: error!).contains("GKICK_MAX_PAYLOAD (--max-payload)"))
  }

  /// What is no word for on or off is no way to be without TLS.
  @Test func aSwitchIsOnOrOffByAWord() throws {
    let tls = ["GKICK_TLS_CERT": "c", "GKICK_TLS_KEY": "k"]
    for (word, isOn) in [
      ("1", true), ("true", true), ("YES", true), ("on", true), ("0", false), ("no", false), ("", false),
    ] {
      #expect(try settings([], tls.merging(["GKICK_HTTP_TLS": word]) { $1 }).httpTLS == isOn)
      #expect(try settings([], tls, file: "http-tls: \(word)").httpTLS == isOn)
    }
    let error = #expect(throws: (any Error).self) { try settings([], tls.merging(["GKICK_HTTP_TLS": "maybe"]) { $1 }) }
    #expect(ServerFlags.message(for: error!).contains("GKICK_HTTP_TLS (--http-tls): 'maybe'"))
    #expect(throws: (any Error).self) { try settings([], ["GKICK_ANONYMOUS": "perhaps"]) }
  }

  @Test func noTimeIsWrittenAsSeconds() { #expect(IntervalText.format(.zero) == "0s") }

  @Test func severalListenersInEitherForm() throws {
    let expected: [Endpoint] = [.host("::1", port: 1), .unix(path: "/run/gkick.sock")]
    #expect(try settings(["--listen", "[::1]:1", "--listen", "unix:/run/gkick.sock"]).listen == expected)
    #expect(try settings([], ["GKICK_LISTEN": "[::1]:1,unix:/run/gkick.sock"]).listen == expected)
    #expect(throws: (any Error).self) { try settings(["--listen", "[::1]:1", "--listen", "[::1]:1"]) }
  }

  @Test func eventRetentionTakesTimeSizeOrBoth() throws {
    #expect(try settings(["--event-retention", "2h"]).storeTerms.eventBytes == 1 << 30)
    #expect(try settings(["--event-retention", "2MiB"]).storeTerms.eventRetention == .hours(24))
    let both = try settings(["--event-retention", "2h,2MiB"]).storeTerms
    #expect(both.eventRetention == .hours(2))
    #expect(both.eventBytes == 2 << 20)
  }

  @Test func unsafeSettingsAreWarnedOf() throws {
    let open = try settings([
      "--listen", "0.0.0.0:7450", "--durability", "relaxed", "--http", "0.0.0.0:1", "--anonymous",
    ]).warnings
    #expect(open.count == 4)
    let encrypted = try settings([
      "--listen", "0.0.0.0:7450", "--tls-cert", "c", "--tls-key", "k", "--tls-client-ca", "a",
    ])
    #expect(encrypted.warnings.isEmpty)
  }

  /// What others can reach asks who calls, or is encrypted, or was told to be open.
  @Test(arguments: ["--listen", "--http"]) func openListenersAreRefused(_ flag: String) throws {
    for place in ["0.0.0.0:7450", "[::]:7450", "10.0.0.1:7450", "jobs.example.org:7450"] {
      #expect(throws: (any Error).self) { try settings([flag, place]) }
      _ = try settings([flag, place, "--auth", "file"])
      _ = try settings([flag, place, "--anonymous"])
      _ = try settings([flag, place], ["GKICK_ANONYMOUS": "1"])
      _ = try settings([flag, place, "--tls-cert", "c", "--tls-key", "k", "--http-tls"])
    }
    for place in ["127.0.0.1:7450", "[::1]:7450", "localhost:7450"] { _ = try settings([flag, place]) }
    _ = try settings(["--listen", "unix:/run/gkick.sock"])
    #expect(throws: (any Error).self) { try settings([flag, "127.0.0.1:1", "--auth-open", "health,jobs"]) }
    #expect(try settings(["--auth-open", "none"]).access.open.isEmpty)
    #expect(try settings(["--auth-open", "health"]).access.open == [.health])
  }

  @Test func timesAreReadAndWritten() {
    #expect(IntervalText.parse("1h30m") == .minutes(90))
    #expect(IntervalText.parse("500ms") == .milliseconds(500))
    for text in ["", "s", "1", "1.5s", "-1s", "1s ", "1x", "١s", "9223372036854775807d", "1s1"] {
      #expect(IntervalText.parse(text) == nil, "\(text)")
    }
    for text in ["500ms", "30s", "90m", "1d", "7us"] { #expect(IntervalText.format(IntervalText.parse(text)!) == text) }
  }
}

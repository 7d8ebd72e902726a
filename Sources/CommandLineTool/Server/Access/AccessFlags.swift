import ArgumentParser

/// The flags about who may do what.
struct AccessFlags: ParsableArguments {
  @Option(
    help: ServerFlags.help(
      "Who may do what: see Docs/security.md. Read again when it changes and on SIGHUP.", "everybody may do everything",
      "--auth", "FILE"))
  var auth: String?

  @Option(
    name: .customLong("auth-open"),
    help: ServerFlags.help(
      "What needs no token although there is --auth: some of health, reflection, metrics, or none.",
      "health,reflection,metrics", "--auth-open", "LIST"))
  var authOpen: String?

  @Flag(
    help: """
      Listen where other machines can reach it although there is neither --auth nor TLS: whoever can, may do everything. \
      (GKICK_ANONYMOUS=1)
      """)
  var anonymous = false
}

/// What they say, checked.
struct AccessSettings: Sendable {
  enum Part: String, CaseIterable, Sendable {
    case health
    case reflection
    case metrics
  }

  /// nil: nobody is asked who they are.
  var file: String?
  var open: Set<Part>
  var anonymous: Bool

  init(_ flags: AccessFlags, environment: SettingSources) throws {
    file = Setting("--auth", flags.auth, environment: environment).text
    open = try Setting("--auth-open", flags.authOpen, environment: environment)
      .value(default: Set(Part.allCases), allowed: "some of health, reflection, metrics, or none") { text in
        if text == "none" { return [] }
        let words = text.split(separator: ",", omittingEmptySubsequences: false)
        let parts = words.compactMap { Part(rawValue: String($0)) }
        return parts.count == words.count ? Set(parts) : nil
      }
    anonymous = try Setting.isOn("--anonymous", flags.anonymous, environment: environment)
  }

  /// Throws when the endpoint would let in whoever can reach it, without encryption and without being asked to.
  func check(_ endpoint: Endpoint, flag: String, isEncrypted: Bool) throws {
    if endpoint.isLocal || isEncrypted || file != nil || anonymous { return }
    throw ValidationError(
      """
      \(flag) \(endpoint): other machines can reach it, and everyone there could do everything: set --auth FILE \
      (gkick token new), or TLS, or say --anonymous if it is to be so
      """)
  }
}

import CPostgres
import Jobs

/// How the storage uses its PostgreSQL.
public struct PostgresOptions: Sendable {
  /// The schema that everything of gKick's is in.
  public var schema = "gkick"
  /// How long to wait for an answer. Then the connection is given up: what was asked may or may not have been done.
  public var replyTimeout: Duration = .seconds(5)
  /// The same for asking who leads: an answer that comes later than a lead lasts is of no use.
  public var leadTimeout: Duration = .seconds(2)
  /// How long to wait between attempts to connect: doubled from the first to the second.
  public var reconnectDelay: ClosedRange<Duration> = .milliseconds(50)...(.seconds(1))
  /// How often the tables of queues and documents are brought up to date, see `KeptRows`.
  public var keptDelay: Interval = .seconds(5)
  /// How often to look for what was put in by SQL when no notification comes: one may be lost with a connection.
  public var inboxPoll: Duration = .seconds(1)
  /// Of one payload that is put in by SQL.
  public var payloadLimit: Int64 = 1 << 20
  /// Is told, once, what keeps an acknowledgement from being worth what it says; again when that has changed after connecting anew.
  public var warn: @Sendable (String) -> Void = { _ in }
  /// The salt of a new storage's ids; nil: random. See `JobID`.
  var salt: UInt32?

  public init() {}
}

/// A `postgresql://` URL or a libpq connection string, taken apart by libpq itself.
struct PostgresLocation: Sendable {
  /// All that is said when connecting: what the URL says, and beneath it what gKick prefers.
  let keywords: [(String, String)]
  /// For the log: without a password.
  let text: String

  init(_ url: String) throws(StoreError) {
    var error: UnsafeMutablePointer<CChar>?
    guard let options = unsafe PQconninfoParse(url, &error) else {
      let message = unsafe error.map { unsafe String(cString: $0) } ?? "no memory"
      unsafe PQfreemem(error)
      throw StoreError(
        .unusable, "not a URL of a PostgreSQL: \(message.split(whereSeparator: \.isNewline).joined(separator: "; "))")
    }
    defer { unsafe PQconninfoFree(options) }
    var given: [(String, String)] = []
    var option = unsafe options
    // The list ends with one without a keyword.
    while let keyword = unsafe option.pointee.keyword {
      if let value = unsafe option.pointee.val {
        given.append(unsafe (String(cString: keyword), String(cString: value)))
      }
      unsafe option += 1
    }
    for (keyword, value) in Self.preferred where !given.contains(where: { $0.0 == keyword }) {
      given.append((keyword, value))
    }
    given.append(("client_encoding", "UTF8"))
    keywords = given
    func value(_ name: String) -> String? { given.first { $0.0 == name }?.1 }
    let hosts = (value("host") ?? value("hostaddr") ?? "local").split(separator: ",", omittingEmptySubsequences: false)
    let ports = (value("port") ?? "5432").split(separator: ",", omittingEmptySubsequences: false)
    let places = hosts.enumerated().map { index, host in
      "\(host):\(ports.count == hosts.count ? ports[index] : ports[0])"
    }
    text = "postgresql://\(places.joined(separator: ","))/\(value("dbname") ?? "")"
  }

  /// A host that does not answer is given up soon, a connection to one that went away without a word as well. Whatever stores
  /// must be written to: of several hosts the one that takes writes is wanted.
  private static let preferred = [
    ("application_name", "gkick"), ("connect_timeout", "2"), ("target_session_attrs", "read-write"),
    ("keepalives_idle", "5"), ("keepalives_interval", "2"), ("keepalives_count", "3"), ("tcp_user_timeout", "10000"),
  ]
}

import Jobs

/// `mysql://user:password@host:port/database?...`, with `socket=/path`, `ssl-mode=required|verify`, `ssl-ca=/path`
/// (which verifies, unless `ssl-mode` says otherwise).
struct MySQLLocation: Sendable {
  var host: String?
  var port = 3306
  /// The library speaks to `localhost` by a socket of the system's, whatever the port, unless it is told otherwise: who names a port means it.
  var namesPort = false
  var user = "root"
  var password: String?
  var database = "gkick"
  var socket: String?
  var usesTLS = false
  var verifiesServer = false
  var certificates: String?

  /// For the log: without a password.
  var text: String { "mysql://\(socket ?? "\(host ?? "localhost"):\(port)")/\(database)" }

  init(_ url: String) throws(StoreError) {
    func bad(_ what: String) -> StoreError {
      StoreError(.unusable, "not a URL of a MySQL: \(what); mysql://user:password@host:port/database")
    }
    guard let scheme = ["mysql://", "mariadb://"].first(where: url.hasPrefix) else { throw bad("it begins otherwise") }
    var rest = url.dropFirst(scheme.count)
    var options: Substring = ""
    if let mark = rest.firstIndex(of: "?") {
      options = rest[rest.index(after: mark)...]
      rest = rest[..<mark]
    }
    if let slash = rest.firstIndex(of: "/") {
      let name = rest[rest.index(after: slash)...]
      if !name.isEmpty { database = try Self.decoded(name) }
      rest = rest[..<slash]
    }
    if let at = rest.lastIndex(of: "@") {
      let parts = rest[..<at].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      user = try Self.decoded(parts[0])
      if parts.count > 1 { password = try Self.decoded(parts[1]) }
      rest = rest[rest.index(after: at)...]
    }
    if rest.hasPrefix("["), let end = rest.firstIndex(of: "]") {
      host = String(rest[rest.index(after: rest.startIndex)..<end])
      rest = rest[rest.index(after: end)...]
    } else if let colon = rest.lastIndex(of: ":") {
      host = String(rest[..<colon])
      rest = rest[colon...]
    } else {
      host = String(rest)
      rest = ""
    }
    if rest.hasPrefix(":") {
      guard let number = UInt16(rest.dropFirst()) else { throw bad("\(rest.dropFirst()) is no port") }
      port = Int(number)
      namesPort = true
    }
    if host?.isEmpty == true { host = "localhost" }
    var saysTLS = false
    for option in options.split(separator: "&") {
      let parts = option.split(separator: "=", maxSplits: 1)
      let value = parts.count > 1 ? try Self.decoded(parts[1]) : ""
      switch parts[0] {
      case "socket": socket = value
      case "ssl-ca": certificates = value
      case "ssl-mode":
        saysTLS = true
        switch value {
        case "disabled": usesTLS = false
        case "required": usesTLS = true
        case "verify":
          usesTLS = true
          verifiesServer = true
        default: throw bad("ssl-mode is disabled, required or verify")
        }
      default: throw bad("it has no option \(parts[0])")
      }
    }
    if certificates != nil, !saysTLS {
      usesTLS = true
      verifiesServer = true
    }
  }

  private static func decoded(_ text: Substring) throws(StoreError) -> String {
    var bytes: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      guard rest.count >= 2, let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) else {
        throw StoreError(.unusable, "not a URL of a MySQL: a % without two digits")
      }
      bytes.append(value)
      rest = rest.dropFirst(2)
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}

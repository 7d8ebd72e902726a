import Jobs
import SQLRecords

/// gKick's tables: makes them, brings them up to date, refuses those of a newer gKick.
struct Schema: Sendable {
  static let version = 3
  /// As it stands in statements.
  let quoted: String
  let name: String

  /// - Parameter name: without apostrophes: it stands within texts in functions' bodies.
  init(_ name: String) throws(StoreError) {
    guard !name.isEmpty, name.utf8.count <= 63, !name.hasPrefix("pg_"),
      !name.utf8.contains(where: { $0 == 0 || $0 == UInt8(ascii: "'") })
    else {
      throw StoreError(.unusable, "\"\(name)\" cannot be the name of a schema")
    }
    self.name = name
    quoted = "\"" + name.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
  }

  private var literal: String {
    "'" + name.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''") + "'"
  }

  /// The script or statement with the schema's name in place of `gkick`.
  func text(_ script: String) -> String {
    if name == "gkick" { return script }
    var result = ""
    var rest = script[...]
    while let dot = rest.firstIndex(of: ".") {
      let before = rest[..<dot]
      if before.hasSuffix("gkick"), !(before.dropLast(5).last.map { $0.isLetter || $0 == "/" } ?? false) {
        result += before.dropLast(5) + quoted + "."
      } else {
        result += before + "."
      }
      rest = rest[rest.index(after: dot)...]
    }
    return result + rest
  }

  func statement(_ name: String, _ script: String) -> PostgresStatement {
    PostgresStatement(name: name, text: text(script))
  }

  /// Makes or migrates the tables, unless they are as they should be.
  func prepare(_ link: PostgresLink, salt: UInt32?) throws(StoreError) {
    try link.with { (connection) throws(PostgresFailure) in
      guard connection.serverVersion >= 130_000 else {
        throw PostgresFailure(
          state: "GK002", message: "PostgreSQL \(connection.serverVersion / 10_000) is too old: gKick needs 13 or later"
        )
      }
      guard connection.parameter("server_encoding") == "UTF8" else {
        throw PostgresFailure(
          state: "GK002",
          message: "the database's encoding is \(connection.parameter("server_encoding")): gKick needs UTF8")
      }
      let found = try stored(connection)
      if found?.version != Self.version || found?.scripts != sum { try make(connection, salt) }
    }
  }

  /// Functions and views, made anew when they are not those of this server.
  private var made: [String] { [text(Scripts.views), text(Scripts.inbox)] }
  private var sum: Int32 { Checksum.of(made.flatMap { Array($0.utf8) }) }

  /// nil: no tables yet.
  private func stored(_ connection: PostgresConnection) throws(PostgresFailure) -> (version: Int, scripts: Int32)? {
    let found = try connection.value("SELECT 1 FROM pg_tables WHERE schemaname = \(literal) AND tablename = 'about'")
    guard found != nil else { return nil }
    guard let row = try connection.script("SELECT version, scripts FROM \(quoted).about"), row.rows == 1,
      let version = Int(row.string(0, 0)), let scripts = Int32(row.string(0, 1))
    else {
      throw PostgresFailure(state: "GK002", message: "the table \(quoted).about has no row")
    }
    if version > Self.version {
      throw PostgresFailure(
        state: "GK002",
        message:
          "the schema \(name) is of version \(version), this gKick knows \(Self.version) at most: start the newer gKick, or use another --store-schema"
      )
    }
    return (version, scripts)
  }

  private func make(_ connection: PostgresConnection, _ salt: UInt32?) throws(PostgresFailure) {
    try connection.script("BEGIN")
    do throws(PostgresFailure) {
      // Servers that start together make the tables once.
      try connection.script("SELECT pg_advisory_xact_lock(hashtext('gkick schema ' || \(literal)))")
      let found = try stored(connection)?.version
      if found == nil {
        if try connection.value("SELECT 1 FROM pg_namespace WHERE nspname = \(literal)") == nil {
          try connection.script("CREATE SCHEMA \(quoted)")
        }
        try connection.script(text(Scripts.version1))
        if let salt { try connection.script("UPDATE \(quoted).about SET salt = \(salt)") }
      }
      if found ?? 1 < 2 { try connection.script(text(Scripts.version2)) }
      if found ?? 1 < 3 { try connection.script(text(Scripts.version3)) }
      for script in made { try connection.script(script) }
      try connection.script("UPDATE \(quoted).about SET scripts = \(sum)")
      try connection.script("COMMIT")
    } catch {
      if !connection.isBroken { _ = try? connection.script("ROLLBACK") }
      throw error
    }
  }
}

/// The files of the folder Scripts.
enum Scripts {
  static let version1 = String(decoding: PackageResources.version1_sql, as: UTF8.self)
  static let version2 = String(decoding: PackageResources.version2_sql, as: UTF8.self)
  static let version3 = String(decoding: PackageResources.version3_sql, as: UTF8.self)
  static let inbox = String(decoding: PackageResources.inbox_sql, as: UTF8.self)
  static let views = String(decoding: PackageResources.views_sql, as: UTF8.self)
}

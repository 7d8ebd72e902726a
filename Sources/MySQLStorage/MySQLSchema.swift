import Jobs
import SQLRecords

/// gKick's tables: makes them, brings them up to date, refuses those of a newer gKick.
struct MySQLSchema {
  static let version: Int64 = 2
  private let options: MySQLOptions

  init(_ options: MySQLOptions) throws(StoreError) {
    self.options = options
    guard !options.schema.isEmpty, options.schema.utf8.count <= 40,
      options.schema.utf8.allSatisfy({
        $0 == UInt8(ascii: "_") || UnicodeScalar($0).properties.isAlphabetic || (48...57).contains($0)
      })
    else {
      throw StoreError(.unusable, "\"\(options.schema)\" cannot begin the names of tables: letters, digits and _")
    }
  }

  private static let routines = String(decoding: PackageResources.routines_sql, as: UTF8.self)
  private static let tables = String(decoding: PackageResources.version1_sql, as: UTF8.self)
  private static let version2 = String(decoding: PackageResources.version2_sql, as: UTF8.self)
  /// "Duplicate column name".
  private static let columnIsThere: UInt32 = 1_060

  func prepare(_ link: MySQLLink) throws(StoreError) {
    let options = options
    let sum = Int64(Checksum.of(Array(Self.routines.utf8)))
    try link.with { (connection) throws(MySQLFailure) in
      func run(_ text: String) throws(MySQLFailure) -> [MySQLResult] {
        var statement = SQLText(prefix: options.schema + "_")
        statement.add(text)
        return try connection.run(statement.bytes)
      }
      func script(_ text: String) throws(MySQLFailure) {
        var statement = ""
        for line in text.split(separator: "\n") {
          if line == "--;" {
            _ = try run(statement)
            statement = ""
          } else if !line.hasPrefix("--") {
            statement += line + "\n"
          }
        }
        _ = try run(statement)
      }
      /// nil: no tables yet.
      func stored() throws(MySQLFailure) -> (version: Int64, scripts: Int64)? {
        do throws(MySQLFailure) {
          let row = try run("SELECT version, scripts FROM gkick_about")[0]
          return row.next() ? (row.int(0), row.int(1)) : nil
        } catch {
          if error.number == 1_146 { return nil }
          throw error
        }
      }
      func isCurrent() throws(MySQLFailure) -> Bool {
        guard let found = try stored() else { return false }
        if found.version > Self.version {
          throw MySQLFailure(
            number: MySQLFailure.unusable,
            message:
              "the tables are of version \(found.version), this gKick knows \(Self.version) at most: start the newer gKick, or use another --store-schema"
          )
        }
        return found.version == Self.version && found.scripts == sum
      }
      if try isCurrent() { return }
      // A table that is changed may be large.
      _ = try connection.run(MySQLLink.unlimited)
      // Servers that start together make the tables once.
      let lock = try run("SELECT GET_LOCK(CONCAT('gkick_ ', DATABASE()), 30)")[0]
      guard lock.next(), lock.int(0) == 1 else {
        throw MySQLFailure(
          number: MySQLFailure.connection, message: "another server has been making the tables for 30 s")
      }
      if try !isCurrent() {
        if try stored() == nil {
          try script(Self.tables)
          let salt = options.salt ?? UInt32.random(in: 0...0xFFF_FFFF)
          _ = try run(
            "INSERT INTO gkick_about VALUES (1, 1, \(salt), UNHEX(SHA2(CONCAT(UUID(), RAND(), '\(UInt64.random(in: 0 ... .max))'), 256)), 0)"
          )
        }
        if try stored()?.version == 1 {
          do throws(MySQLFailure) {
            try script(Self.version2)
          } catch {
            // A server that ended here before it could say so.
            guard error.number == Self.columnIsThere else { throw error }
          }
          _ = try run("UPDATE gkick_about SET version = 2")
        }
        try script(Self.routines)
        _ = try run("UPDATE gkick_about SET scripts = \(sum)")
      }
      _ = try run("SELECT RELEASE_LOCK(CONCAT('gkick_ ', DATABASE())); \(link.limited)")
    }
  }
}

/// What in the database's settings keeps `SYNCED` from being true.
enum MySQLWeaknesses {
  static func read(_ connection: MySQLConnection) throws(MySQLFailure) -> [String] {
    var found: [String] = []
    func setting(_ name: String) throws(MySQLFailure) -> String? {
      let rows = try connection.run("SHOW GLOBAL VARIABLES LIKE '\(name)'")[0]
      return rows.next() ? rows.string(1) : nil
    }
    if let flush = try setting("innodb_flush_log_at_trx_commit"), flush != "1", flush != "3" {
      found.append(
        "the database runs with innodb_flush_log_at_trx_commit = \(flush): a power loss may lose what is said to be synced"
      )
    }
    if try setting("innodb_doublewrite") == "OFF" {
      found.append(
        "the database runs with innodb_doublewrite = OFF: a power loss may damage what is stored, unless its file system never tears a page"
      )
    }
    if try setting("log_bin") == "ON", try setting("sync_binlog") != "1" {
      found.append(
        "the database writes a binary log with sync_binlog other than 1: after a power loss it, and what replicates from it, may lack what is said to be synced"
      )
    }
    return found
  }
}

/// What in PostgreSQL's settings keeps `SYNCED` from being true.
enum Weaknesses {
  static func read(_ connection: PostgresConnection) throws(PostgresFailure) -> [String] {
    func setting(_ name: String) throws(PostgresFailure) -> String {
      try connection.value("SELECT pg_catalog.current_setting('\(name)', true)") ?? ""
    }
    var found: [String] = []
    if try setting("fsync") == "off" {
      found.append("PostgreSQL runs with fsync = off: a power loss may damage or lose what is said to be synced")
    }
    if try setting("full_page_writes") == "off" {
      found.append(
        "PostgreSQL runs with full_page_writes = off: a power loss may damage what is stored, unless its file system never tears a page"
      )
    }
    // Our sessions set it to on where it was less, see PostgresLink.
    let commit = try setting("synchronous_commit")
    if commit == "off" {
      found.append("PostgreSQL runs with synchronous_commit = off: a crash may lose what is said to be synced")
    }
    let replicas = try connection.value("SELECT count(*) FROM pg_catalog.pg_stat_replication") ?? "0"
    if replicas != "0", try setting("synchronous_standby_names").isEmpty {
      found.append(
        "PostgreSQL has \(replicas) replicas and waits for none (synchronous_standby_names is empty): a fail-over may lose what was said to be synced a moment before"
      )
    }
    return found
  }
}

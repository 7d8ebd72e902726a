import CSQLite
import Jobs

/// What is in the database file, and how an older one becomes this.
enum Schema {
  /// "gKic", in the header of the file.
  static let applicationID: Int64 = 0x674B_6963
  static let version: Int64 = 2

  /// - jobs: what was asked for; written once (see HeadCodec), but when replaced.
  /// - states: where a job stands, for each that is no longer as it was enqueued (see StateCodec).
  /// - carried: what people are told of a job and what decides nothing (see CarriedCodec).
  /// - ids: those that producers chose. Ids made by the server lead to their seq by themselves.
  /// - holds: unique keys that final jobs keep, and until when.
  /// - ends: when to forget final jobs: a row per time, a list of seqs (i64 each).
  /// - events: packed, by first cursor; `at` is the time of the last one, `total` counts the bytes of this and all rows ever before it.
  /// - documents: as the change sets have them.
  /// - meta: salt, epoch, boot (which run of the machine), and cursor: of the newest event that was trimmed.
  static let create = """
    CREATE TABLE jobs(seq INTEGER PRIMARY KEY, head BLOB NOT NULL, body BLOB);
    CREATE TABLE states(seq INTEGER PRIMARY KEY, rec BLOB NOT NULL);
    CREATE TABLE ids(id TEXT PRIMARY KEY, seq INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE ends(at INTEGER PRIMARY KEY, seqs BLOB NOT NULL);
    CREATE TABLE events(first INTEGER PRIMARY KEY, at INTEGER NOT NULL, total INTEGER NOT NULL, rec BLOB NOT NULL);
    CREATE TABLE meta(key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
    """ + queues + ";" + added

  /// What is kept of queues (see QueueCodec), and under the empty name, which no queue has, the store's own mark: so a small write changes
  /// one page less.
  static let queues = "CREATE TABLE queues(name TEXT PRIMARY KEY, rec BLOB NOT NULL) WITHOUT ROWID"

  /// What format 1 did not have.
  static let added = """
    CREATE TABLE carried(seq INTEGER PRIMARY KEY, rec BLOB NOT NULL);
    CREATE TABLE holds(seq INTEGER PRIMARY KEY, queue TEXT NOT NULL, key TEXT NOT NULL, until INTEGER NOT NULL);
    CREATE TABLE documents(kind INTEGER, key TEXT, bytes BLOB, PRIMARY KEY(kind, key)) WITHOUT ROWID;
    """

  /// Refuses a file that is not ours or newer, before anything is changed in it. Returns its version; 0: empty.
  static func check(_ connection: Connection, path: String) throws(StoreError) -> Int64 {
    let application = try connection.integer("PRAGMA application_id") ?? 0
    let found = try connection.integer("PRAGMA user_version") ?? 0
    let isEmpty = try connection.integer("SELECT count(*) FROM sqlite_master") == 0
    if application != applicationID && !(application == 0 && found == 0 && isEmpty) { throw foreign(path) }
    if found > version { throw newer(path, found) }
    return found
  }

  static func foreign(_ path: String) -> StoreError {
    StoreError(.unusable, "\(path) is a database of something else: it is left as it is")
  }

  static func newer(_ path: String, _ found: Int64) -> StoreError {
    StoreError(.unusable, "\(path) was written by a newer gKick (format \(found), this one knows up to \(version))")
  }

  /// Makes an empty file ours, brings an older one up; within a transaction.
  static func migrate(_ connection: Connection, from found: Int64, path: String, salt: UInt32) throws(StoreError) {
    guard found < version else { return }
    if found == 0 {
      try connection.execute(create)
      try connection.execute("INSERT INTO meta(key, value) VALUES('salt', \(salt))")
      try Writer.put(Mark(), connection)
    } else {
      try connection.execute(added)
      try Format1.migrate(connection, path: path)
    }
    try connection.execute("PRAGMA application_id = \(applicationID)")
    try connection.execute("PRAGMA user_version = \(version)")
  }
}

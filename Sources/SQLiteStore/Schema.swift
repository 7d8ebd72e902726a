import CSQLite
import Jobs

/// What is in the database file, and how an older one becomes this.
enum Schema {
  /// "gKic", in the header of the file.
  static let applicationID: Int64 = 0x674B_6963
  static let version = Int64(migrations.count)

  /// The step at index n makes version n into n + 1; each runs in the transaction that opens the store. The first makes an empty file.
  ///
  /// - jobs: what was asked for; written once (see HeadCodec), but when replaced.
  /// - states: where a job stands, for each that is no longer as it was enqueued (see StateCodec).
  /// - ids: those that producers chose. Ids made by the store lead to their seq by themselves.
  /// - uniques: held keys; until is NULL as long as the job is not final.
  /// - ends: when to forget finished jobs: a row per time, a list of seqs (i64 each). Entries may be stale.
  /// - events: packed, a row or a few per commit, by first cursor; `at` is the time of the last one, `total` counts the bytes of this
  ///   and all rows ever before it.
  /// - queues: what cannot be counted at open.
  /// - meta: salt, epoch of tokens, and the highest seq and cursor whenever rows go away.
  private static let migrations = [
    """
    CREATE TABLE jobs(seq INTEGER PRIMARY KEY, head BLOB NOT NULL, body BLOB);
    CREATE TABLE states(seq INTEGER PRIMARY KEY, rec BLOB NOT NULL);
    CREATE TABLE ids(id TEXT PRIMARY KEY, seq INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE uniques(queue TEXT, key TEXT, seq INTEGER NOT NULL, until INTEGER, PRIMARY KEY(queue, key)) WITHOUT ROWID;
    CREATE TABLE ends(at INTEGER PRIMARY KEY, seqs BLOB NOT NULL);
    CREATE TABLE events(first INTEGER PRIMARY KEY, at INTEGER NOT NULL, total INTEGER NOT NULL, rec BLOB NOT NULL);
    CREATE TABLE queues(name TEXT PRIMARY KEY, paused INTEGER NOT NULL, succeeded INTEGER NOT NULL,
      failed INTEGER NOT NULL, dead INTEGER NOT NULL, ended INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE meta(key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
    """
  ]

  /// Refuses a file that is not ours or newer, before anything is changed in it. Returns its version; 0: empty.
  static func check(_ connection: Connection, path: String) throws(StoreError) -> Int64 {
    let application = try connection.integer("PRAGMA application_id") ?? 0
    let found = try connection.integer("PRAGMA user_version") ?? 0
    let isEmpty = try connection.integer("SELECT count(*) FROM sqlite_master") == 0
    if application != applicationID && !(application == 0 && found == 0 && isEmpty) {
      throw StoreError(.unusable, "\(path) is a database of something else: it is left as it is")
    }
    if found > version {
      throw StoreError(
        .unusable, "\(path) was written by a newer gKick (format \(found), this one knows up to \(version))")
    }
    return found
  }

  /// Makes an empty file ours, brings an older one up.
  static func migrate(_ connection: Connection, from found: Int64) throws(StoreError) {
    guard found < version else { return }
    try connection.execute("BEGIN IMMEDIATE")
    for step in Int(found)..<migrations.count { try connection.execute(migrations[step]) }
    try connection.execute("PRAGMA application_id = \(applicationID)")
    try connection.execute("PRAGMA user_version = \(version)")
    try connection.execute("COMMIT")
  }
}

import Jobs

extension SQLiteStorage {
  /// How far a store that is begun from a backup goes ahead, so that it gives out no token and no cursor that the one it was taken from gave
  /// out afterwards.
  private static let epochsAhead: Int64 = 1_000
  private static let cursorsAhead: Int64 = 1_000_000

  /// Copies the store in the folder `path` to a new file, beside a server that has it open: as it was some tenths of a second ago at most.
  /// To use the copy, put it as `gkick.db` into a folder of its own.
  ///
  /// SQLite's own online backup begins anew with every write and so never ends on a busy store.
  public static func backup(path: String, to file: String) throws(StoreError) {
    let source = try Connection(path: path + "/gkick.db", readOnly: true)
    guard try Schema.check(source, path: path) == Schema.version else {
      throw StoreError(.unusable, "\(path) is of an older format: open it with this version first")
    }
    try source.execute("VACUUM INTO '\(file.replacing("'", with: "''"))'")
    let copy = try Connection(path: file, readOnly: false)
    try copy.execute("PRAGMA synchronous = FULL")
    var mark = try Writer.mark(copy)
    mark.isClosed = true
    mark.lastCursor = max(mark.lastCursor, mark.reservedCursor) + cursorsAhead
    mark.reservedCursor = mark.lastCursor
    try copy.execute("BEGIN IMMEDIATE")
    try Writer.put(mark, copy)
    try copy.execute("UPDATE meta SET value = value + \(epochsAhead) WHERE key = 'epoch'")
    try copy.execute("COMMIT")
  }
}

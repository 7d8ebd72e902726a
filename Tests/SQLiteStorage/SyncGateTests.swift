import CSQLite
import Foundation
import Support
import Testing

@testable import SQLiteStorage

@Suite struct SyncGateTests {
  private let folder = TemporaryFolder()

  /// What a failed sync left in the kernel's memory only is written again before the log is believed: as it is, all of it, once.
  @Test func whatAFailedSyncMayHaveLostIsWrittenAgain() throws {
    let path = folder.path + "/a.db"
    let connection = try Connection(path: path, readOnly: false)
    #expect(try connection.text("PRAGMA journal_mode = WAL") == "wal")
    try connection.execute("PRAGMA synchronous = FULL")
    try connection.execute("PRAGMA wal_autocheckpoint = 0")
    try connection.execute("CREATE TABLE t(a, b)")
    let gate = try #require(SyncGate(connection.handle))
    connection.gate = gate
    gate.skips = true
    // More than is read at once.
    try connection.execute("INSERT INTO t VALUES(1, randomblob(200000))")
    let log = path + "-wal"
    let bytes = try Data(contentsOf: URL(fileURLWithPath: log))
    #expect(bytes.count > 200_000)

    gate.syncFault = SQLITE_IOERR
    #expect(gate.sync() == SQLITE_IOERR)
    gate.syncFault = 0
    try age(log)
    #expect(gate.sync() == SQLITE_OK)
    #expect(try isNew(log))
    #expect(try Data(contentsOf: URL(fileURLWithPath: log)) == bytes)
    // One that goes well has lost nothing.
    try age(log)
    #expect(gate.sync() == SQLITE_OK)
    #expect(try !isNew(log))
    #expect(try connection.integer("SELECT length(b) FROM t") == 200_000)
  }

  private func age(_ file: String) throws {
    try FileManager.default.setAttributes([.modificationDate: Date(timeIntervalSince1970: 1)], ofItemAtPath: file)
  }

  private func isNew(_ file: String) throws -> Bool {
    let time = try FileManager.default.attributesOfItem(atPath: file)[.modificationDate] as? Date
    return try #require(time).timeIntervalSince1970 > 1
  }
}

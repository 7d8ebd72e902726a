import Jobs
import Support
import Testing

@testable import MySQLStorage

@Suite(.enabled(if: MariaProcess.isInstalled, "MariaDB is not installed: Scripts/setup test"), .serialized, .aside)
struct MySQLSchemaTests {
  /// Tables as an older server left them become those of this one, also when a server ended in the middle of that; nothing is lost.
  @Test(arguments: [false, true])
  func tablesOfVersion1AreBroughtUp(isHalfDone: Bool) throws {
    let harness = try MySQLHarness()
    let scene = try StorageScene(harness)
    try scene.put(NewJob(id: "before", name: "a", body: [1]))
    let tables = "\(harness.database).own_"
    if !isHalfDone {
      try harness.process.ask(
        "ALTER TABLE \(tables)job DROP COLUMN token, DROP COLUMN deadline, DROP COLUMN resume_window")
    }
    try harness.process.ask("UPDATE \(tables)about SET version = 1")
    #expect(scene.kind { _ = try scene.load() } == .unusable, "tables that were changed underneath are not loaded")
    let other = try #require(try harness.another())
    #expect(try harness.process.ask("SELECT version FROM \(tables)about") == "\(MySQLSchema.version)")
    #expect(try other.reader.job(id: "before")?.state == .ready)
    #expect(try scene.load().jobs.count == 1)
  }
}

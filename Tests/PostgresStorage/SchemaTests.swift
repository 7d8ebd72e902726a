import Jobs
import Support
import Testing

@testable import PostgresStorage

@Suite(
  .enabled(if: PostgresProcess.isInstalled, "PostgreSQL is not installed: Scripts/setup test"), .serialized, .aside)
struct PostgresSchemaTests {
  /// Tables as an older server left them, with jobs in each place, become those of this one; nothing is lost.
  @Test func tablesOfVersion1AreBroughtUp() throws {
    let process = try PostgresProcess()
    let schema = try Schema("gkick")
    try process.ask("CREATE SCHEMA gkick")
    try process.ask(schema.text(Scripts.version1))
    try process.ask(
      """
      INSERT INTO gkick.tick VALUES (5, 1, now(), 3, 0, 0, 0, 5, 2, NULL, NULL);
      UPDATE gkick.leader SET epoch = 5;
      INSERT INTO gkick.job (seq, created_at, run_at, payload_size, body_sum, state, priority, id, queue, name, flags, body)
      SELECT n, now(), now(), 0, 0, 2, 0, 'job' || n, 'q', 'a', 1, '' FROM generate_series(1, 2) n;
      INSERT INTO gkick.running VALUES (2, 77, now(), now(), now() + interval '1 min', 0, 1, 0, 3, 'w');
      """)
    let scene = try StorageScene(PostgresHarness(process, schema: "gkick"))
    #expect(try process.ask("SELECT version FROM gkick.about") == "\(Schema.version)")
    let state = try scene.load()
    #expect(state.jobs.count == 2)
    #expect(try scene.storage.reader.job(id: "job1")?.state == .ready)
    #expect(try scene.storage.reader.job(id: "job2")?.state == .running)
    #expect(try process.ask("SELECT state FROM gkick.jobs ORDER BY id") == "READY\nRUNNING")
  }

  /// A server that connected before a newer one migrated the tables does not read them as what they were.
  @Test func tablesThatWereMigratedUnderneathAreNotLoaded() throws {
    let harness = try PostgresHarness()
    let scene = try StorageScene(harness)
    try harness.process.ask("UPDATE \(harness.quoted).about SET version = 99")
    #expect(scene.kind { _ = try scene.load() } == .unusable)
  }

  /// Statements are planned once, while the tables are empty, when to read all of what matches and to sort it looks as cheap as to take the first of an
  /// index. With a million finished jobs it is not.
  @Test func statementsPlannedOnEmptyTablesGoThroughIndexesInOrder() throws {
    let harness = try PostgresHarness()
    let scene = try StorageScene(harness)
    defer { withExtendedLifetime(scene) {} }
    let statements = Statements(try Schema(harness.schema))
    let link = PostgresLink(try PostgresLocation(harness.process.url), PostgresOptions())
    for statement in [
      statements.rows, statements.rowsWithBodies, statements.rowsByID, statements.rowsByChosenID, statements.expired,
      statements.nextExpiry, statements.events, statements.lastCursor, statements.oldTicks, statements.update,
      statements.stop,
      statements.forget, statements.take,
    ] {
      let count = (1...12).last { statement.text.contains("$\($0)") } ?? 0
      let nothing = count == 0 ? "" : "(" + Array(repeating: "NULL", count: count).joined(separator: ", ") + ")"
      let plan = try link.with { (connection) throws(PostgresFailure) in
        try connection.script("PREPARE \(statement.name) AS \(statement.text)")
        let found = try connection.script("EXPLAIN EXECUTE \(statement.name)\(nothing)")
        return (0..<(found?.rows ?? 0)).map { found?.string($0, 0) ?? "" }.joined(separator: "\n")
      }
      #expect(
        plan.contains("Index") && plan.firstMatch(of: /Sort|Bitmap|Seq Scan|Hash/) == nil, "\(statement.name): \(plan)")
    }
  }
}

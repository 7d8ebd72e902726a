import Jobs
import Testing

@testable import SQLiteStore

@Suite struct RowBufferTests {
  private let connection: Connection
  private let buffer: RowBuffer

  init() throws {
    connection = try Connection(path: ":memory:", readOnly: false)
    try connection.execute("CREATE TABLE t(seq INTEGER PRIMARY KEY, head BLOB NOT NULL, body BLOB)")
    buffer = try RowBuffer(connection, insert: "INSERT OR REPLACE INTO t(seq, head, body)", hasBody: true)
  }

  private func put(_ seq: Int64, _ head: String, body: [UInt8] = []) throws {
    buffer.bytes.append(Array(head.utf8))
    try buffer.put(seq, body: body)
  }

  private func rows() throws -> [String] {
    let statement = try Statement(connection, "SELECT seq, head, body FROM t ORDER BY seq")
    var rows: [String] = []
    while try statement.step() {
      rows.append(
        "\(statement.integer(0)) \(statement.text(1)) " + (statement.isNull(2) ? "-" : "\(statement.bytes(2).count)"))
    }
    return rows
  }

  @Test(arguments: [0, 1, 3, 4, 15, 16, 21, 100]) func everyRowIsWrittenOnceAndAsItWasSaid(count: Int) throws {
    let keys = (0..<count).map { Int64($0 * 7 % 101) }
    for key in keys { try put(key, "head \(key)", body: [UInt8](repeating: 1, count: Int(key % 5))) }
    #expect(try rows().isEmpty)
    try buffer.flush()
    let expected = keys.sorted().map { "\($0) head \($0) " + ($0 % 5 == 0 ? "-" : "\($0 % 5)") }
    #expect(try rows() == expected)
    try buffer.flush()
    #expect(try rows() == expected)
  }

  @Test func ofOneKeyTheLatestRowStays() throws {
    for round in 0..<40 { for key in [9, 3] as [Int64] { try put(key, "round \(round)") } }
    try buffer.flush()
    #expect(try rows() == ["3 round 39 -", "9 round 39 -"])
    try put(3, "later")
    try buffer.flush()
    #expect(try rows() == ["3 later -", "9 round 39 -"])
  }

  @Test func aLargeBodyKeepsItsPlace() throws {
    try put(1, "before")
    try put(2, "small", body: [1])
    try put(2, "large", body: [UInt8](repeating: 2, count: 1 << 20))
    try put(1, "after")
    #expect(try rows() == ["1 before -", "2 large 1048576"])
    try buffer.flush()
    #expect(try rows() == ["1 after -", "2 large 1048576"])
  }

  /// Its memory is given back, and what comes next is written to other memory.
  @Test func aVeryLargeRowIsFollowedByOthers() throws {
    try put(1, String(repeating: "x", count: 3 << 20))
    try put(2, "small", body: [1, 2])
    try buffer.flush()
    #expect(try connection.integer("SELECT length(head) FROM t WHERE seq = 1") == 3 << 20)
    #expect(try rows().last == "2 small 2")
  }

  @Test func itDoesNotGrowWithoutEnd() throws {
    for key in 0..<200 as Range<Int64> { try put(key, "head", body: [UInt8](repeating: 3, count: 4_000)) }
    #expect(try rows().count > 100)
  }

  @Test func whatIsClearedIsNotWritten() throws {
    try put(1, "undone", body: [1, 2])
    buffer.clear()
    try put(2, "kept", body: [3])
    try buffer.flush()
    #expect(try rows() == ["2 kept 1"])
  }

  @Test func aFailureSaysSoAndLeavesNothingBehind() throws {
    try connection.execute("CREATE TABLE refusing(seq INTEGER PRIMARY KEY, rec BLOB CHECK(seq <> 5))")
    let refusing = try RowBuffer(connection, insert: "INSERT INTO refusing(seq, rec)", hasBody: false)
    for key in 1...6 as ClosedRange<Int64> {
      refusing.bytes.put(UInt8(1))
      try refusing.put(key)
    }
    #expect(throws: StoreError.self) { try refusing.flush() }
    try connection.execute("DELETE FROM refusing")
    try refusing.flush()
    #expect(try connection.integer("SELECT count(*) FROM refusing") == 0)
  }
}

import Jobs

/// Rows on their way into one table: gathered over a tick and written many at a time, in the order of their keys. A statement with sixteen
/// rows costs SQLite two thirds of sixteen statements, and neighbours are found without a search from the root.
///
/// Whoever reads the table, or changes it otherwise, flushes first.
final class RowBuffer {
  /// A row's key and where its columns lie in `bytes`: the first up to `split`, the second, if the table has one, from there.
  private struct Row {
    var seq: Int64
    var start: Int
    var split: Int
    var end: Int
  }

  /// More than this is written at once.
  private static let maxBytes = 1 << 16
  /// Bodies from here on are not copied but written from where they are.
  private static let largeBody = 4_096
  private static let rowsPerStatement = [16, 4, 1]

  private let hasBody: Bool
  private let statements: [(rows: Int, statement: Statement)]
  private var rows: [Row] = []
  private var isSorted = true
  var bytes = ByteWriter(capacity: 1 << 14)

  /// - Parameters:
  ///   - insert: up to VALUES.
  ///   - hasBody: whether a row is (seq, blob, blob or NULL) rather than (seq, blob).
  init(_ connection: Connection, insert: String, hasBody: Bool) throws(StoreError) {
    self.hasBody = hasBody
    let row = hasBody ? "(?,?,?)" : "(?,?)"
    var statements: [(rows: Int, statement: Statement)] = []
    for count in Self.rowsPerStatement {
      let values = Array(repeating: row, count: count).joined(separator: ",")
      statements.append((count, try Statement(connection, "\(insert) VALUES \(values)")))
    }
    self.statements = statements
  }

  /// A row whose key is new, or takes the place of the one with this key. Its first column is what was written to `bytes` since the last.
  func put(_ seq: Int64, body: [UInt8] = []) throws(StoreError) {
    let start = rows.last?.end ?? 0
    let split = bytes.count
    if body.count < Self.largeBody {
      bytes.append(body)
      if let last = rows.last, last.seq > seq { isSorted = false }
      rows.append(Row(seq: seq, start: start, split: split, end: bytes.count))
      if bytes.count >= Self.maxBytes { try flush() }
    } else {
      defer { clear() }
      try write()
      let statement = statements[statements.count - 1].statement
      bind(Row(seq: seq, start: start, split: split, end: split), to: statement, at: 0)
      try statement.run(3, body)
    }
  }

  func flush() throws(StoreError) {
    if rows.isEmpty { return }
    defer { clear() }
    try write()
  }

  private func write() throws(StoreError) {
    // Of the same key the latest comes last, and wins.
    if !isSorted { rows.sort { ($0.seq, $0.start) < ($1.seq, $1.start) } }
    var position = 0
    for (count, statement) in statements {
      while rows.count - position >= count {
        for index in 0..<count { bind(rows[position + index], to: statement, at: index) }
        try statement.run()
        position += count
      }
    }
  }

  /// What is not written was of a tick that is undone.
  func clear() {
    rows.removeAll(keepingCapacity: true)
    isSorted = true
    bytes.clear()
  }

  private func bind(_ row: Row, to statement: Statement, at index: Int) {
    let first = Int32(index * (hasBody ? 3 : 2)) + 1
    statement.bind(first, row.seq)
    statement.bind(first + 1, bytes, row.start..<row.split)
    if hasBody { statement.bind(first + 2, bytes, row.split..<row.end) }
  }
}

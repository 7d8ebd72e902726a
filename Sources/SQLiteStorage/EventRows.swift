import Jobs

/// Writes packed events as rows of the table `events`.
final class EventRows {
  /// About so large are rows at most, so that a reader of one event does not decode a whole large batch, and a row, which is forgotten as a
  /// whole, is a small part of all.
  private let rowBytes: Int
  /// Likewise the time that one row covers.
  private static let rowSpan = Interval.seconds(1)

  private let insert: Statement
  private var bytes = ByteWriter(capacity: 1 << 13)
  /// Bytes of all rows ever written.
  private(set) var total: Int64

  init(_ connection: Connection, _ retention: EventRetention) throws(StoreError) {
    rowBytes = Int(max(512, min(32_768, retention.bytes / 8)))
    insert = try Statement(connection, "INSERT INTO events(first, at, total, rec) VALUES(?1, ?2, ?3, ?4)")
    total = try connection.integer("SELECT total FROM events ORDER BY first DESC LIMIT 1") ?? 0
  }

  /// After a transaction that was undone.
  func setTotal(_ total: Int64) { self.total = total }

  func write(_ events: PackedEvents) throws(StoreError) {
    var index = 0
    var place = 0
    let runs = events.runs
    while index < runs.count {
      let first = runs[index].first
      var at = Timestamp.distantPast
      bytes.clear()
      // Cursors of a row follow each other.
      var next = first
      let until = runs[index].since + Self.rowSpan
      repeat {
        if bytes.count > 0 { bytes.put(EventCodec.anew) }
        bytes.append(events.bytes, from: place, count: runs[index].size)
        place += runs[index].size
        at = max(at, runs[index].until)
        next += Int64(runs[index].count)
        index += 1
      } while index < runs.count && runs[index].first == next && bytes.count + runs[index].size <= rowBytes
        && runs[index].until < until
      total += Int64(bytes.count)
      insert.bind(1, first)
      insert.bind(2, at.microseconds)
      insert.bind(3, total)
      insert.bind(4, bytes)
      try insert.run()
    }
  }

  /// The newest row's last event; nil: there is none.
  static func last(_ connection: Connection, salt: UInt32) throws(StoreError) -> (cursor: Int64, total: Int64)? {
    let statement = try Statement(connection, "SELECT first, total, rec FROM events ORDER BY first DESC LIMIT 1")
    defer { statement.reset() }
    guard try statement.step() else { return nil }
    var cursor = statement.integer(0) - 1
    let isGood = statement.read(2) { reader in
      var codec = EventCodec(salt: salt)
      while !reader.isAtEnd, reader.isGood {
        cursor += 1
        _ = codec.read(&reader, cursor: cursor)
      }
      return reader.isGood
    }
    if !isGood { throw Damage.of("the events from \(statement.integer(0)) on", connection.path) }
    return (cursor, statement.integer(1))
  }
}

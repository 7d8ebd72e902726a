import Jobs

/// The events of a tick, packed as they come, and how far the stored ones reach.
struct EventLog: ~Copyable {
  /// Seq and creation time of a job whose id the store made, in place of the id.
  struct Made {
    var seq: Int64
    var at: Timestamp
  }
  /// A row to be: its first event, where its bytes begin, and the time of its latest event. It goes as far as the next one.
  private struct Row {
    var first: Int64
    var start: Int
    var at: Timestamp
  }

  private let salt: UInt32
  private var pending: [Event] = []
  private var rows: [Row] = []
  private var bytes = ByteWriter(capacity: 1 << 13)
  private var codec: EventCodec
  private(set) var committedCursor: Int64 = 0
  /// Bytes of all rows ever written.
  private(set) var total: Int64 = 0
  private var committedTotal: Int64 = 0
  /// Rows larger than this are split, so that a reader of one event does not decode a whole large tick.
  private static let rowBytes = 32_768

  var isEmpty: Bool { pending.isEmpty }

  /// - Parameters:
  ///   - cursor: of the latest event that the database holds.
  ///   - total: bytes of all rows that it ever held.
  init(cursor: Int64, total: Int64, salt: UInt32) {
    self.salt = salt
    codec = EventCodec(salt: salt)
    committedCursor = cursor
    self.total = total
    committedTotal = total
  }

  /// Numbered at once: a tick that is undone takes all of them back.
  mutating func append(_ event: consuming Event, made: Made?) {
    event.cursor = committedCursor + Int64(pending.count) + 1
    if rows.isEmpty || bytes.count - rows[rows.count - 1].start >= Self.rowBytes {
      rows.append(Row(first: event.cursor, start: bytes.count, at: event.at))
      codec = EventCodec(salt: salt)
    }
    rows[rows.count - 1].at = max(rows[rows.count - 1].at, event.at)
    codec.write(event, made: made, to: &bytes)
    pending.append(event)
  }

  /// Writes what is pending.
  mutating func write(to database: Database) throws(StoreError) {
    for (index, row) in rows.enumerated() {
      let end = index + 1 < rows.count ? rows[index + 1].start : bytes.count
      total += Int64(end - row.start)
      database.insertEvents.bind(1, row.first)
      database.insertEvents.bind(2, row.at.microseconds)
      database.insertEvents.bind(3, total)
      database.insertEvents.bind(4, bytes, row.start..<end)
      try database.insertEvents.run()
    }
  }

  /// After the transaction: the events, numbered.
  mutating func commit() -> [Event] {
    let events = pending
    committedCursor += Int64(events.count)
    committedTotal = total
    // These go on to others; the next tick mostly has as many.
    pending = []
    pending.reserveCapacity(min(events.count, 4_096))
    clear()
    return events
  }

  mutating func rollback() {
    pending.removeAll()
    clear()
    total = committedTotal
  }

  private mutating func clear() {
    rows.removeAll(keepingCapacity: true)
    bytes.clear()
  }
}

import Jobs

/// The events of a tick, and how far the stored ones reach.
struct EventLog {
  /// Seq and creation time of a job whose id the store made, in place of the id.
  struct Made {
    var seq: Int64
    var at: Timestamp
  }
  private var pending: [Event] = []
  private var made: [Made?] = []
  private(set) var committedCursor: Int64 = 0
  /// Bytes of all rows ever written.
  private(set) var total: Int64 = 0
  private var committedTotal: Int64 = 0
  /// Rows larger than this are split, so that a reader of one event does not decode a whole large tick.
  private static let rowBytes = 32_768

  var isEmpty: Bool { pending.isEmpty }

  init() {}

  /// What the database holds.
  init(cursor: Int64, total: Int64) {
    committedCursor = cursor
    self.total = total
    committedTotal = total
  }

  /// Numbered at once: a tick that is undone takes all of them back.
  mutating func append(_ event: consuming Event, made: Made?) {
    event.cursor = committedCursor + Int64(pending.count) + 1
    pending.append(event)
    self.made.append(made)
  }

  /// Packs and writes what is pending.
  mutating func write(to database: Database, salt: UInt32, using writer: inout ByteWriter) throws(StoreError) {
    let events = pending
    var index = 0
    while index < events.count {
      writer.clear()
      var codec = EventCodec(salt: salt)
      let first = events[index].cursor
      var latest = Timestamp.distantPast
      while index < events.count, writer.count < Self.rowBytes {
        latest = max(latest, events[index].at)
        codec.write(events[index], made: made[index].map { ($0.seq, $0.at) }, to: &writer)
        index += 1
      }
      total += Int64(writer.count)
      database.insertEvents.bind(1, first)
      database.insertEvents.bind(2, latest.microseconds)
      database.insertEvents.bind(3, total)
      database.insertEvents.bind(4, writer)
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
    made.removeAll(keepingCapacity: true)
    return events
  }

  mutating func rollback() {
    pending.removeAll()
    made.removeAll()
    total = committedTotal
  }
}

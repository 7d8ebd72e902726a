public import Jobs

/// What a database is known to have of ticks: as it was loaded, or as of the last write that succeeded.
public struct StoredTicks {
  /// Rows of queues and documents that one tick brings to their tables at most.
  private static let flushed = 2_000

  public var kept = KeptRows()
  private var flushedAt = Timestamp.distantPast
  public var newest = KeptRows.Tick(epoch: 0, number: 0)
  public var lastCursor: Int64 = 0
  /// Of all events so far.
  public var totalBytes: Int64 = 0

  public init() {}

  /// One tick as it is to be written.
  public struct Row {
    public var tick: KeptRows.Tick
    /// The cursor that was the newest before its events.
    public var before: Int64
    public var cursor: Int64
    public var totalBytes: Int64
    /// The oldest tick whose queues and documents are not in their tables.
    public var needed: KeptRows.Tick
    public var events: [UInt8]?
    public var kept: [UInt8]?
    /// What is brought to the tables of queues and documents along with it.
    public var flush = KeptRows.Flush()
  }

  /// - Parameter keptDelay: so often are the tables of queues and documents brought up to date.
  public mutating func add(_ change: ChangeSet, _ epoch: Epoch, keptDelay: Interval) -> Row {
    newest = KeptRows.Tick(epoch: Int64(epoch.number), number: Int64(change.number))
    kept.add(change, newest)
    var flush = KeptRows.Flush()
    if change.now >= flushedAt + keptDelay || change.now < flushedAt {
      flush = kept.take(Self.flushed)
      flushedAt = change.now
    }
    let events = EventsRecord.bytes(change.events)
    let before = lastCursor
    lastCursor = change.events.last?.cursor ?? before
    totalBytes += Int64(events?.count ?? 0)
    return Row(
      tick: newest, before: before, cursor: lastCursor, totalBytes: totalBytes,
      needed: kept.oldest ?? KeptRows.Tick(epoch: newest.epoch, number: newest.number + 1), events: events,
      kept: KeptRows.bytes(change), flush: flush)
  }
}

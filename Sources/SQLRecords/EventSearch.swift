public import Jobs

/// Events after a cursor, put together from ticks that are read oldest first.
public struct EventSearch {
  private let cursor: Int64
  private let limit: Int
  private var found: [Event] = []
  /// Ticks that end after it are still to be read.
  public private(set) var place: Int64

  public init(after cursor: Int64, limit: Int) {
    self.cursor = cursor
    self.limit = limit
    place = cursor
  }

  public var isFull: Bool { found.count >= limit }
  public var page: EventPage { .events(found, next: found.last?.cursor ?? cursor) }

  /// One tick's events.
  /// - Parameter before: the cursor that was the newest before these. There may be a gap behind it: a new leader leaves one. But when the place
  ///   asked for is before it, there were events in between.
  /// - Returns: the page, when it ends here.
  public mutating func add(
    _ bytes: [UInt8], after before: Int64, damaged: @autoclosure () -> String
  ) throws(StoreError) -> EventPage? {
    if place < before, cursor > 0 || place > 0 {
      return found.isEmpty ? .trimmed(oldest: before) : .events(found, next: place)
    }
    guard let events = EventsRecord.events(bytes) else { throw StoreError(.unusable, damaged()) }
    found += events.filter { $0.cursor > place }.prefix(limit - found.count)
    place = found.last?.cursor ?? place
    return nil
  }

  /// Nothing is stored behind the place: either nothing has happened since, or all of it was trimmed.
  public func end(last: Int64) -> EventPage {
    found.isEmpty && cursor > 0 && cursor < last ? .trimmed(oldest: last) : page
  }
}

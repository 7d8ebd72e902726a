public import Jobs
import Synchronization

/// Before it no job is stored any more whose retention has ended, so that a search need not pass what was deleted again. Rows are read by one thread
/// while another may load the state anew.
public final class ExpiryMark: Sendable {
  public struct Place: Sendable {
    public let time: Timestamp
    fileprivate let resets: Int
  }
  private let place = Mutex(Place(time: .distantPast, resets: 0))

  public init() {}

  /// Where a search for what has ended by `time` begins.
  public func begin(by time: Timestamp) -> Place {
    place.withLock { place in
      // The clock was set back.
      if time < place.time { place = Place(time: .distantPast, resets: place.resets) }
      return place
    }
  }

  /// What the search has found, unless the mark was reset meanwhile.
  public func move(to time: Timestamp, after begun: Place) {
    place.withLock { place in
      if place.resets == begun.resets { place = Place(time: time, resets: place.resets) }
    }
  }

  /// What was taken for gone may be there.
  public func reset() { place.withLock { $0 = Place(time: .distantPast, resets: $0.resets + 1) } }
}

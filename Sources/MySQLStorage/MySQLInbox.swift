import Glibc
import Jobs
import SQLRecords
import Synchronization

/// What producers put into the table gkick_inbox. Rows are never locked: a row is there once its transaction has committed.
///
/// Numbers are given out before transactions commit, so one may appear below those seen; but numbers are given out one after the other:
/// those that were left out so far are asked for each time, and now and then all rows are.
///
/// @unchecked Sendable: one thread calls it, but for `end` and `forget`, which touch only what is guarded.
final class MySQLInbox: Inbox, @unchecked Sendable {
  private let link: MySQLLink
  private let isEnded = Mutex(false)
  /// Taken by change sets since the last look.
  private let taken = Mutex([Int64]())
  /// Given and not known as taken.
  private var outstanding: Set<Int64> = []
  private var seen: Int64 = 0
  private var leftOut: [Int64] = []
  private var wholeAt = ContinuousClock.now
  private static let maxLeftOut = 1_000
  private static let wholeEvery = Duration.seconds(30)

  init(_ link: MySQLLink) { self.link = link }

  func close() { link.close() }

  func reset() {
    outstanding = []
    seen = 0
    leftOut = []
  }

  func forget(_ numbers: [Int64]) { taken.withLock { $0 += numbers } }
  func end() { isEnded.withLock { $0 = true } }

  func wait() throws(StoreError) {
    if isEnded.withLock({ $0 }) { return }
    let (seconds, attoseconds) = link.options.inboxPoll.components
    usleep(UInt32(clamping: seconds * 1_000_000 + attoseconds / 1_000_000_000_000))
  }

  func arrived(limit: Int) throws(StoreError) -> [InboxItem] {
    // What is taken from here on may still be seen by the statement below.
    for number in taken.withLock({ taken in
      defer { taken = [] }
      return taken
    }) { outstanding.remove(number) }
    if wholeAt < .now {
      seen = 0
      leftOut = []
      wholeAt = .now + Self.wholeEvery
    }
    var text = link.text
    text.add("SELECT \(InboxFields.columns) FROM gkick_inbox WHERE number > \(seen)")
    if !leftOut.isEmpty {
      text.add(" OR number IN ")
      text.add(list: leftOut)
    }
    text.add(" ORDER BY number LIMIT \(limit + outstanding.count)")
    let rows = try link.read(text)[0]
    var items: [InboxItem] = []
    while items.count < limit, rows.next() {
      let number = rows.int(0)
      if number <= seen {
        leftOut.removeAll { $0 == number }
      } else {
        if seen > 0 { for missing in (seen + 1..<number).suffix(Self.maxLeftOut) { leftOut.append(missing) } }
        seen = number
      }
      if outstanding.insert(number).inserted {
        items.append(InboxFields(rows, payloadLimit: link.options.payloadLimit).item)
      }
    }
    if leftOut.count > Self.maxLeftOut { leftOut.removeFirst(leftOut.count - Self.maxLeftOut) }
    return items
  }
}

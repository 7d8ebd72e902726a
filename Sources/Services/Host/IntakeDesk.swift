import Engine
import Glibc
import Jobs
import Wire

/// The thread of a storage's inbox: gives what programs put into the storage to the engine, one batch after the other. A batch lies in the
/// inbox until the engine's change set takes it out; when that fails, all is looked at again.
final class IntakeDesk: @unchecked Sendable {  // Everything mutable is touched with the gate's lock held.
  private let inbox: any Inbox
  private let gate = Gate()
  private var isEnding = false
  private var hasEnded = false
  private var answers: UInt64 = 0
  private var latest: Reply?
  /// Items of one batch.
  private static let batch = 512

  init(inbox: any Inbox) { self.inbox = inbox }

  /// - Parameter ask: hands the items to the engine; what it says is called once, on any thread.
  func start(_ ask: @escaping @Sendable ([InboxItem], @escaping @Sendable (Reply?) -> Void) -> Void) -> Bool {
    Thread.start("intake") { self.run(ask) }
  }

  /// Returns when the thread no longer touches the inbox.
  func stop() {
    inbox.end()
    gate.lock()
    isEnding = true
    gate.broadcast()
    while !hasEnded { gate.wait() }
    gate.unlock()
  }

  private func run(_ ask: ([InboxItem], @escaping @Sendable (Reply?) -> Void) -> Void) {
    // What was put in while no server ran.
    var isFirst = true
    while !pause(microseconds: 0) {
      do throws(StoreError) {
        if !isFirst { try inbox.wait() }
        isFirst = false
        while !pause(microseconds: 0) {
          let items = try inbox.arrived(limit: Self.batch)
          if items.isEmpty { break }
          guard give(items.map(Self.whole), ask) else {
            inbox.reset()
            _ = pause(microseconds: 100_000)
            continue
          }
          // What came meanwhile is gathered: a batch costs the storage a commit, however few it holds.
          if items.count < Self.batch { break }
        }
      } catch {
        // The storage's own connections tell it in the log; here it is only waited for.
        inbox.reset()
        isFirst = true
        _ = pause(microseconds: 200_000)
      }
    }
    gate.lock()
    hasEnded = true
    gate.broadcast()
    gate.unlock()
  }

  /// With its body, as the wire's jobs have it.
  private static func whole(_ item: InboxItem) -> InboxItem {
    var item = item
    item.job.body = Codec.body(payload: item.payload, contentType: item.contentType, metadata: item.metadata)
    item.payload = []
    item.metadata = []
    return item
  }

  /// - Returns: whether they are stored as taken.
  private func give(
    _ items: [InboxItem], _ ask: ([InboxItem], @escaping @Sendable (Reply?) -> Void) -> Void
  ) -> Bool {
    gate.lock()
    let before = answers
    gate.unlock()
    ask(items) { [self] reply in
      gate.lock()
      answers += 1
      latest = reply
      gate.broadcast()
      gate.unlock()
    }
    gate.lock()
    defer { gate.unlock() }
    let end = WallClock.read(CLOCK_MONOTONIC) + 30_000_000
    while answers == before, !isEnding, WallClock.read(CLOCK_MONOTONIC) < end { gate.wait(microseconds: 1_000_000) }
    guard answers > before, case .done? = latest else { return false }
    return true
  }

  /// - Returns: whether it is to end.
  private func pause(microseconds: Int64) -> Bool {
    gate.lock()
    defer { gate.unlock() }
    if !isEnding, microseconds > 0 { gate.wait(microseconds: microseconds) }
    return isEnding
  }
}

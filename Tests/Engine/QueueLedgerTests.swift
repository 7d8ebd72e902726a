import Jobs
import Testing

@testable import Engine

/// The figures of very many queues.
@Suite struct QueueLedgerTests {
  private let ledger = QueueLedger()

  private func enqueue(_ name: String, _ count: Int = 1) {
    for _ in 0..<count { ledger.enqueued(ledger.number(of: name)) }
  }

  private func total(_ ledger: QueueLedger) -> UInt64 { ledger.byName.values.reduce(0) { $0 + $1.enqueued } }

  @Test func whatIsFoldedHasANameThatNoQueueCanHave() {
    for number in 0..<1_500 { enqueue("q\(number)") }
    #expect(ledger.byName.count == QueueLedger.limit + 1)
    #expect(ledger.byName["(other)"]?.enqueued == 500)
    enqueue("other")
    #expect(ledger.byName["other"] == nil)
    #expect(ledger.byName["(other)"]?.enqueued == 501)
  }

  @Test func theBusiestHavePlacesAfterAMinuteAndIdleOnesMakeRoom() {
    ledger.pass(Instant(microseconds: 0))
    // Holds one job, which runs on when its queue loses the place.
    let running = ledger.number(of: "old0")
    for number in 1..<QueueLedger.limit { enqueue("old\(number)", 2) }
    for _ in 0..<10 { for number in 0..<500 { enqueue("new\(number)") } }
    ledger.pass(Instant(microseconds: 59_999_999))
    #expect(ledger.byName["new0"] == nil)
    ledger.pass(Instant(microseconds: 60_000_000))
    #expect(ledger.names.count { $0.hasPrefix("new") } == 500)
    #expect(ledger.names.count == QueueLedger.limit)
    #expect(total(ledger) == 6_998, "what was counted before stays counted")
    enqueue("new0", 3)
    #expect(ledger.byName["new0"]?.enqueued == 3)
    #expect(!ledger.names.contains("old0"))
    ledger.ended(running, ran: .seconds(1))
    #expect(ledger.byName["(other)"]?.run.sum == 1)
    #expect(ledger.byName["new0"]?.run.sum == 0)

    // Nobody takes the place of one that does about as much.
    for name in ledger.names { enqueue(name, 10) }
    for _ in 0..<15 { for number in 0..<500 { enqueue("third\(number)") } }
    ledger.pass(Instant(microseconds: 120_000_000))
    #expect(ledger.names.count { $0.hasPrefix("third") } == 0)
    // Those that fell silent make room.
    enqueue("third0")
    ledger.pass(Instant(microseconds: 180_000_000))
    #expect(ledger.names.contains("third0"))
  }
}

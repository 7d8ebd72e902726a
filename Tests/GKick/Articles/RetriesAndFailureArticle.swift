import GKick
import Testing

/// The code of RetriesAndFailure.md, compiled and run.
@Suite(.timeLimit(.minutes(1))) struct RetriesAndFailureArticle {
  struct Charge: Job {
    static let name = "payment.charge"
    static var retry: RetryPolicy { RetryPolicy(maxAttempts: 5, initialBackoff: .seconds(10)) }
    static var timeout: Duration? { .seconds(30) }
    var order: Int

    func run(_ context: JobContext) async throws {
      try await charge(order, key: context.id)
    }
  }

  private let orders = Orders()

  private func pack(_ id: Int) async throws {
    guard let order = try await orders.find(id) else { throw Discard("no order \(id)") }
    guard order.isPacked else { throw Snooze(for: .seconds(60)) }
  }

  @Test func discardedAndSnoozed() async throws {
    try await pack(1)
    await #expect(throws: Snooze.self) { try await pack(2) }
    await #expect(throws: Discard.self) { try await pack(3) }
  }

  @Test func theSameIDIsStoredOnce() async throws {
    try await withServer { _, client in
      for isDuplicate in [false, true] {
        let job =
          try await client.enqueue(Charge(order: 17), options: JobOptions(id: "charge-17"))
        #expect(job.isDuplicate == isDuplicate)
      }
      let never = try await client.enqueue(Charge(order: 18), options: JobOptions(retry: .never))
      #expect(try await never.info().state == .ready)
    }
  }
}

private func charge(_ order: Int, key: String) async throws {}

private struct Orders {
  struct Order {
    var isPacked: Bool
  }

  /// The first is packed, the second is not, more there are not.
  func find(_ id: Int) async throws -> Order? { id <= 2 ? Order(isPacked: id == 1) : nil }
}

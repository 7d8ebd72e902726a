/// What happens, as it happens, across broken connections.
public struct JobEvents: AsyncSequence, Sendable {
  public typealias Element = JobEvent

  let backend: GRPCBackend
  let filter: EventFilter
  let cursor: String

  public func makeAsyncIterator() -> Iterator { Iterator(self) }

  public struct Iterator: AsyncIteratorProtocol {
    private let backend: GRPCBackend
    private let filter: EventFilter
    private var waiting: ArraySlice<JobEvent> = []
    /// After everything received so far, which is in `waiting` or was given out.
    private var cursor: String
    private let call: OpenCall
    private var failures = 0

    init(_ events: JobEvents) {
      backend = events.backend
      filter = events.filter
      cursor = events.cursor
      call = OpenCall()
    }

    /// The next event; waits for it.
    /// - Throws: ``GKickError`` with `eventsTrimmed` when the cursor is older than what is stored, or with what the server refuses.
    ///   `CancellationError` when the task is cancelled.
    public mutating func next() async throws -> JobEvent? {
      while true {
        if let event = waiting.popFirst() { return event }
        try await receive()
      }
    }

    /// Where the server would go on from now: after this, everything that happens is given out. Waits for a connection.
    package mutating func open() async throws -> String {
      while cursor.isEmpty { try await receive() }
      return cursor
    }

    private mutating func receive() async throws {
      do {
        let batches = try await connected()
        guard let batch = try await batches.next() else {
          call.batches = nil
          throw GKickError(.unavailable, "the server ended the events")
        }
        failures = 0
        waiting.append(contentsOf: batch.events)
        if !batch.cursor.isEmpty { cursor = batch.cursor } else if let last = batch.events.last { cursor = last.cursor }
      } catch let error as GKickError where error.code == .unavailable || error.code == .limitReached {
        call.batches = nil
        failures += 1
        try await Task.sleep(for: error.retryAfter ?? Reconnect.wait(afterFailures: failures))
      } catch let error as GKickError where error.code == .cancelled {
        throw CancellationError()
      }
    }

    private func connected() async throws -> EventBatches {
      if let batches = call.batches { return batches }
      try Task.checkCancellation()
      let batches = try await backend.events(filter, after: cursor)
      call.batches = batches
      return batches
    }
  }

  /// Ends the call when the last copy of the iterator is gone. Only the iterator's task touches it.
  final class OpenCall {
    var batches: EventBatches?
    deinit { batches?.cancel() }
  }
}

/// Waits between attempts to get something back that was lost.
enum Reconnect {
  /// 100 ms, doubling up to 5 s, spread by a fifth.
  static func wait(afterFailures failures: Int) -> Duration {
    let steps = min(max(failures, 1) - 1, 6)
    let milliseconds = min(5_000, 100 << steps)
    return .milliseconds(milliseconds) * Double.random(in: 0.8...1.2)
  }
}

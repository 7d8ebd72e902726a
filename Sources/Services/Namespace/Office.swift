public import Jobs

/// What a server's log says of who leads.
public enum LeadershipNews: Sendable {
  case follows(String, String)
  case starts(Epoch)
  case leads(Epoch)
  case cannotLead(any Error)
  case ended(String)
  case failing(StoreError)
}

/// Where the namespace's thread is told things, and sleeps until it is, or until a time.
final class Office: @unchecked Sendable {  // Everything mutable is touched with the gate's lock held.
  enum Message: Sendable {
    case lost(LeaderTarget, Bool)
    case deposed(Epoch)
    case began(Epoch, Result<any LeadingTerm, any Error>)
    case ended
    case stepDown(@Sendable () -> Void)
    case stop(@Sendable () -> Void)
  }
  private let gate: Gate
  private var messages: [Message] = []
  /// Until when its thread sleeps.
  private var sleeping: Int64?

  /// - Parameter clock: a test's, in microseconds; nil: the steady one.
  init(clock: (@Sendable () -> Int64)? = nil) { gate = Gate(clock: clock) }

  /// Microseconds of a clock that nobody sets.
  var now: Int64 { gate.now }

  func post(_ message: Message) {
    gate.lock()
    messages.append(message)
    // Awake from now on, whenever its thread comes to know.
    sleeping = nil
    gate.signal()
    gate.unlock()
  }

  /// What was posted, after at most so many microseconds.
  func take(wait: Int64) -> [Message] {
    gate.lock()
    defer { gate.unlock() }
    if messages.isEmpty, wait > 0 {
      let end = gate.now + wait
      sleeping = end
      gate.wait(until: end)
      sleeping = nil
    }
    var taken: [Message] = []
    swap(&taken, &messages)
    return taken
  }

  func ask(_ message: (@escaping @Sendable () -> Void) -> Message) async {
    await withCheckedContinuation { continuation in post(message { continuation.resume() }) }
  }

  // MARK: For tests

  /// Until when its thread sleeps; nil: it has something to do.
  var sleepsUntil: Int64? {
    gate.lock()
    defer { gate.unlock() }
    return sleeping
  }

  /// The clock was turned: whoever slept until then wakes.
  func clockTurned() {
    gate.lock()
    if let end = sleeping, end <= gate.now {
      sleeping = nil
      gate.signal()
    }
    gate.unlock()
  }
}

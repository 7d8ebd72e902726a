public import Jobs
import Synchronization

/// What a server's log says of who leads.
public enum LeadershipNews: Sendable {
  case follows(String, String)
  case starts(Epoch)
  case leads(Epoch)
  case cannotLead(any Error)
  case ended(String)
  case failing(StoreError)
}

/// Where the namespace's thread is told things.
final class Office: Sendable {
  enum Message: Sendable {
    case lost(LeaderTarget, Bool)
    case deposed(Epoch)
    case began(Epoch, Result<any LeadingTerm, any Error>)
    case ended
    case stepDown(@Sendable () -> Void)
    case stop(@Sendable () -> Void)
  }
  private let gate = Gate()
  private let messages = Mutex<[Message]>([])

  func post(_ message: Message) {
    messages.withLock { $0.append(message) }
    gate.lock()
    gate.signal()
    gate.unlock()
  }

  /// What was posted, after at most so many microseconds.
  func take(wait: Int64) -> [Message] {
    gate.lock()
    defer { gate.unlock() }
    // Looked at with the gate closed: a post in between waits for it to open, and then signals.
    if messages.withLock({ $0.isEmpty }), wait > 0 { gate.wait(microseconds: wait) }
    return messages.withLock { messages in
      defer { messages = [] }
      return messages
    }
  }

  func ask(_ message: (@escaping @Sendable () -> Void) -> Message) async {
    await withCheckedContinuation { continuation in post(message { continuation.resume() }) }
  }
}

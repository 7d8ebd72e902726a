import Synchronization
public import RPC

/// A call that was refused, for the log. Nothing of what was shown is in it.
public struct Refusal: Sendable {
  public var code: StatusCode
  public var reason: String
  /// The RPC's path.
  public var path: String
  public var address: String
  /// Empty: nobody knows who it was.
  public var principal: String
  /// So many before it were not told, since there were too many.
  public var unsaid: UInt64
}

/// Counts refused calls, and tells of as many as a log can bear.
final class Refusals: Sendable {
  private struct State {
    var unauthenticated: UInt64 = 0
    var denied: UInt64 = 0
    var second: Int64 = 0
    var said = 0
    var unsaid: UInt64 = 0
  }
  private let state = Mutex(State())
  private let tell: @Sendable (Refusal) -> Void

  /// Lines in one second.
  static let maxPerSecond = 10

  init(tell: @escaping @Sendable (Refusal) -> Void) { self.tell = tell }

  func note(_ status: Status, _ call: ServerCall, principal: String, second: Int64) {
    let unsaid: UInt64? = state.withLock { state in
      if status.code == .unauthenticated { state.unauthenticated += 1 } else { state.denied += 1 }
      if state.second != second {
        state.second = second
        state.said = 0
      }
      guard state.said < Self.maxPerSecond else {
        state.unsaid += 1
        return nil
      }
      state.said += 1
      defer { state.unsaid = 0 }
      return state.unsaid
    }
    guard let unsaid else { return }
    tell(
      Refusal(
        code: status.code, reason: status.message, path: call.path, address: call.callerAddress, principal: principal,
        unsaid: unsaid))
  }

  var counts: (unauthenticated: UInt64, denied: UInt64) { state.withLock { ($0.unauthenticated, $0.denied) } }
}

import Jobs
import Services
import Synchronization

/// Hands what the store hears of other servers to the engine's host, which is made after the store.
final class SignalRelay: Sendable {
  private struct State {
    var host: EngineHost?
    var early: [StoreSignal] = []
  }
  private let state = Mutex(State())

  func send(_ signal: StoreSignal) {
    let host = state.withLock { state in
      if state.host == nil { state.early.append(signal) }
      return state.host
    }
    host?.signal(signal)
  }

  func connect(_ host: EngineHost) {
    let early = state.withLock { state in
      state.host = host
      defer { state.early = [] }
      return state.early
    }
    early.forEach(host.signal)
  }
}

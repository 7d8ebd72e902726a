import Synchronization

/// The states that the health service tells. The server's owner sets them, from any thread.
///
/// The empty name stands for the whole server and is `.serving` from the start.
public final class HealthStatus: Sendable {
  private struct Watcher {
    var service: String
    var changed: @Sendable () -> Void
  }

  private struct State {
    var statuses: [String: ServingStatus] = ["": .serving]
    var watchers: [UInt64: Watcher] = [:]
    var nextWatcher: UInt64 = 0
    var isShutDown = false
  }

  private let state = Mutex(State())

  public init() {}

  /// Sets a service's state and tells its watchers. Has no effect after `shutdown`.
  public func set(_ status: ServingStatus, for service: String = "") {
    change { state in
      guard !state.isShutDown, state.statuses.updateValue(status, forKey: service) != status else { return [] }
      return [service]
    }
  }

  /// Makes a service unknown again.
  public func remove(_ service: String) {
    change { state in
      guard !state.isShutDown, state.statuses.removeValue(forKey: service) != nil else { return [] }
      return [service]
    }
  }

  /// Says for everything, and for good, that it is not serving: what a server does before it drains.
  public func shutdown() {
    change { state in
      state.isShutDown = true
      for name in state.statuses.keys { state.statuses[name] = .notServing }
      return Set(state.statuses.keys)
    }
  }

  /// Nil for a service that is not known.
  public subscript(service: String) -> ServingStatus? {
    state.withLock { $0.statuses[service] }
  }

  /// The states of all services.
  public var all: [String: ServingStatus] {
    state.withLock { $0.statuses }
  }

  /// Calls `changed` after every change of the service's state, on the thread that made it, until `unwatch`.
  func watch(_ service: String, changed: @escaping @Sendable () -> Void) -> UInt64 {
    state.withLock { state in
      state.nextWatcher += 1
      state.watchers[state.nextWatcher] = Watcher(service: service, changed: changed)
      return state.nextWatcher
    }
  }

  func unwatch(_ id: UInt64) {
    _ = state.withLock { $0.watchers.removeValue(forKey: id) }
  }

  var watcherCount: Int { state.withLock { $0.watchers.count } }

  /// `body` returns the services that changed. Watchers are called outside of the lock: they may call back.
  private func change(_ body: (inout State) -> Set<String>) {
    let watchers = state.withLock { state in
      let changed = body(&state)
      return changed.isEmpty ? [] : state.watchers.values.filter { changed.contains($0.service) }
    }
    for watcher in watchers { watcher.changed() }
  }
}

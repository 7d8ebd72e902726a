import Jobs
import Synchronization

/// What the engine's thread and the keeper's share: the connection that the keeper has made for the engine, and what it heard.
final class RedisLink: Sendable {
  struct State {
    /// Made and greeted, not yet taken.
    var fresh: (session: RedisSession, greeting: Greeting)?
    /// Rises when what was given out before is not to be used any more.
    var generation = 0
    /// Why there is none.
    var failure = StoreError(.unavailable, "Redis: not connected yet")
    var isClosing = false
    /// The keeper's subscription: interrupted to wake it.
    var subscriber: RedisConnection?
    var beats: RedisConnection?
    /// The engine's failed connection wants another.
    var wantsAnother = false
    /// When promote or reclaim has something to do, as last heard by either.
    var due: Timestamp?
    /// Queues in which others made something ready, since the engine last looked.
    var ready: Set<String> = []
    /// The newest cursor heard of.
    var cursor: Int64 = 0
  }

  let state = Mutex(State())

  /// The engine's connection is of no more use.
  func giveUp(_ generation: Int, _ error: StoreError) {
    let connections = state.withLock { state -> [RedisConnection?] in
      guard state.generation == generation else { return [] }
      state.failure = error
      state.wantsAnother = true
      return [state.subscriber, state.beats]
    }
    for connection in connections { connection?.interrupt() }
  }
}

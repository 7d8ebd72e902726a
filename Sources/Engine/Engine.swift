import Jobs

/// Decides everything: commands and the time in, effects out. Deterministic; no clock, no threads, no I/O but the store's.
///
/// The owner's loop is:
///
///     let early = engine.decide(commands, now: clock.now)   // at most 512 commands
///     deliver(early)                                        // assignments: may leave before the commit
///     let late = engine.commit(now: clock.now)              // one transaction for everybody
///     deliver(late)                                         // acknowledgements, outcome results, events
///     wait for commands, or until engine.nextWake
///
/// Inside a tick the order is: outcomes, enqueues, promotions, claims.
public final class Engine {
  public let configuration: EngineConfiguration
  let store: any JobStore

  /// - Parameter seed: of all randomness (jitter, worker ids).
  public init(store: any JobStore, configuration: EngineConfiguration, seed: UInt64, now: Timestamp) {
    self.store = store
    self.configuration = configuration
  }

  public func decide(_ commands: [Command], now: Timestamp) -> [Effect] { [] }

  public func commit(now: Timestamp) -> [Effect] { [] }

  /// When decide wants to be called again although no command came; nil: only for commands. A time that has passed means at once.
  public var nextWake: Timestamp? { nil }
}

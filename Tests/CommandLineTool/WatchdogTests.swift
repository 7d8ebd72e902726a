import Logging
import RPC
import Synchronization
import Testing

@testable import CommandLineTool

/// What the watchdog watches, under a clock that only the test turns.
struct WatchdogTests {
  private final class Engine: Sendable {
    let pulse = Mutex<Pulse?>(nil)
    let knocks = Atomic(0)
    let time = Atomic<Int64>(0)
  }

  /// Looks once a second for so long; what is wrong afterwards.
  private func watch(_ seconds: Int64, _ dog: Watchdog, _ seen: inout Watchdog.Seen, _ engine: Engine) -> String? {
    for _ in 0..<seconds {
      dog.look(&seen)
      engine.time.add(1_000, ordering: .relaxed)
    }
    return dog.trouble
  }

  /// On a shared store there is an engine as long as this server leads, and another one when it leads again.
  @Test func anEngineThatComesAndGoesIsWatchedWhileItIsThere() {
    let engine = Engine()
    let dog = Watchdog(
      [
        .init(
          pulse: { engine.pulse.withLock { $0 } }, knock: { engine.knocks.add(1, ordering: .relaxed) }, isRepeated: true
        )
      ], limit: nil, logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }),
      read: { engine.time.load(ordering: .relaxed) })
    var seen = dog.seenAtFirst
    #expect(watch(100, dog, &seen, engine) == nil)
    let first = Pulse("the first", steps: ["waits", "decides"])
    engine.pulse.withLock { $0 = first }
    for _ in 0..<30 {
      first.beat()
      #expect(watch(1, dog, &seen, engine) == nil)
    }
    #expect(engine.knocks.load(ordering: .relaxed) >= 30)
    #expect(watch(12, dog, &seen, engine)?.contains("the first has not moved for 1") == true)
    // It has gone: nobody is missed.
    engine.pulse.withLock { $0 = nil }
    #expect(watch(2, dog, &seen, engine) == nil)
    #expect(watch(100, dog, &seen, engine) == nil)
    // Another comes, whose count is lower, and hangs from the start.
    let second = Pulse("the second", steps: ["waits", "decides"])
    engine.pulse.withLock { $0 = second }
    #expect(watch(9, dog, &seen, engine) == nil)
    #expect(watch(3, dog, &seen, engine)?.contains("the second has not moved") == true)
    // One follows the other at once: it has the whole time too.
    let third = Pulse("the third", steps: ["waits", "decides"])
    engine.pulse.withLock { $0 = third }
    #expect(watch(9, dog, &seen, engine) == nil)
    #expect(watch(3, dog, &seen, engine)?.contains("the third has not moved") == true)
  }
}

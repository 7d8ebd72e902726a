import Gateway
import Logging
import RPCTransport
import Synchronization
import Testing

@testable import CommandLineTool

/// What is said of clients that speak what a port does not, under a clock that only the test turns.
struct PeerNoticesTests {
  private final class Lines: Sendable {
    let all = Mutex<[String]>([])
    let time = Mutex(ContinuousClock.now)
  }

  private struct Handler: LogHandler {
    let lines: Lines
    var metadata = Logger.Metadata()
    var logLevel = Logger.Level.trace
    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
      get { nil }
      set {}
    }
    func log(event: LogEvent) {
      let others = event.metadata?["others"].map { " and \($0) others" } ?? ""
      lines.all.withLock { $0.append("\(event.message)\(others)") }
    }
  }

  @Test func eachKindOnceAMinuteHoweverMany() {
    let lines = Lines()
    let notices = PeerNotices(
      Logger(label: "test", factory: { _ in Handler(lines: lines) }), clock: { lines.time.withLock { $0 } })
    func pass(_ time: Duration) { lines.time.withLock { $0 += time } }
    for _ in 0..<100 { notices.tell(PeerProblem.speaksTLS, "a") }
    notices.tell(GatewayStranger.speaksTLS, "a")
    #expect(lines.all.withLock { $0.count } == 2)
    pass(.seconds(59))
    notices.tell(PeerProblem.speaksTLS, "a")
    #expect(lines.all.withLock { $0.count } == 2)
    pass(.seconds(1))
    notices.tell(PeerProblem.speaksTLS, "a")
    #expect(lines.all.withLock { $0.last }?.hasSuffix(" and 100 others") == true)
    // Each has advice of its own.
    pass(.seconds(600))
    for problem in PeerProblem.allCases { notices.tell(problem, "a") }
    #expect(Set(lines.all.withLock { $0.suffix(PeerProblem.allCases.count) }).count == PeerProblem.allCases.count)
  }
}

import Glibc
import Logging
import NIOCore
import RPC
import Services
import Synchronization

/// Looks every second whether the loops and the engine still move, on a thread of its own that needs neither: tells a standstill in the
/// log, has `/healthz` say so, and at last ends the process, so that whoever supervises it starts it again.
final class Watchdog: Sendable {
  /// A thread and how it is seen to move.
  struct Subject: Sendable {
    /// Another one when another thread does its work; nil: there is none at the moment, as where another server leads.
    var pulse: @Sendable () -> Pulse?
    /// Asks the thread to beat.
    var knock: @Sendable () -> Void
    /// Knocking may go unheard and is cheap to repeat. Otherwise it is done once until it is answered, so that it does not pile up.
    var isRepeated = false
  }

  private let subjects: [Subject]
  private let logger: Logger
  private let limit: Int64?
  private let clock: Mutex<StandstillClock>
  private let isStopped = Atomic(false)
  /// Milliseconds.
  private let read: @Sendable () -> Int64

  /// A standstill of so long is told.
  private static let patience: Int64 = 10_000
  /// Between two looks.
  private static let interval: useconds_t = 1_000_000

  /// - Parameters:
  ///   - limit: milliseconds after which the process is ended; nil: never.
  ///   - read: a clock in milliseconds that nobody sets.
  init(
    _ subjects: [Subject], limit: Int64?, logger: Logger, read: @escaping @Sendable () -> Int64 = { Watchdog.now() }
  ) {
    self.read = read
    self.subjects = subjects
    self.limit = limit
    self.logger = logger
    clock = Mutex(StandstillClock(patience: limit.map { min(Self.patience, $0 / 2) } ?? Self.patience, limit: limit))
  }

  func start() {
    let isStarted = Thread.start("watchdog", stackSize: 256 << 10) { [self] in
      var seen = seenAtFirst
      while !isStopped.load(ordering: .relaxed) {
        look(&seen)
        usleep(Self.interval)
      }
    }
    if !isStarted { logger.error("there is no thread for the watchdog") }
  }

  var seenAtFirst: Seen { Seen(subjects.count) }

  func stop() { isStopped.store(true, ordering: .relaxed) }

  /// What stands still now, in words; nil: nothing does.
  var trouble: String? {
    let standing = clock.withLock { $0.standing(now: read()) }
    if standing.isEmpty { return nil }
    return standing.compactMap { index, seconds in
      subjects[index].pulse().map { "\($0.name) has not moved for \(seconds) s: it \($0.step)" }
    }.joined(separator: "; ")
  }

  /// Of each subject, when it was last looked at.
  struct Seen {
    fileprivate var knocked: [UInt64?]
    fileprivate var pulses: [Pulse?]
    /// Rises when another thread does the work: that counts as a move. In the upper bits, above any beats.
    fileprivate var changes: [UInt64]

    init(_ count: Int) {
      knocked = Array(repeating: nil, count: count)
      pulses = Array(repeating: nil, count: count)
      changes = Array(repeating: 0, count: count)
    }
  }

  func look(_ seen: inout Seen) {
    let beats = subjects.enumerated().map { index, subject in
      let pulse = subject.pulse()
      if pulse == nil || pulse !== seen.pulses[index] { seen.changes[index] &+= 1 << 40 }
      seen.pulses[index] = pulse
      return (pulse?.beats ?? 0) &+ seen.changes[index]
    }
    for (index, subject) in subjects.enumerated() where subject.isRepeated || seen.knocked[index] != beats[index] {
      seen.knocked[index] = beats[index]
      subject.knock()
    }
    for finding in clock.withLock({ $0.look(beats, now: read()) }) { tell(finding) }
  }

  private func tell(_ finding: StandstillClock.Finding) {
    // A log that nobody reads blocks its writer, which may be just what is wrong: then the alarm ends the process instead.
    if let limit { alarm(UInt32(clamping: limit / 1_000 + 5)) }
    switch finding {
    case .stands(let index, let seconds):
      logger.error(
        "a thread does not move", metadata: about(index, seconds).merging(["healthz": "503"]) { own, _ in own })
    case .moves(let index, let seconds):
      logger.notice("a thread moves again", metadata: about(index, seconds))
    case .hopeless(let index, let seconds):
      logger.critical(
        "a thread does not move and will not: ending the process, to be started again", metadata: about(index, seconds))
      abort()
    }
    alarm(0)
  }

  private func about(_ index: Int, _ seconds: Int64) -> Logger.Metadata {
    let pulse = subjects[index].pulse()
    return [
      "thread": "\(pulse?.name ?? "none")", "seconds": "\(seconds)", "last_step": "\(pulse?.step ?? "has gone")",
    ]
  }

  /// Milliseconds; stands still while the machine sleeps.
  private static func now() -> Int64 { WallClock.read(CLOCK_MONOTONIC) / 1_000 }
}

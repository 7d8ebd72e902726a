import Jobs
import Wire

/// What a worker knows of its leases and of its stream, and what it decides: a value without clock, socket or task.
///
/// Outcomes are kept until the server has said that it stored them; a broken stream loses none.
struct WorkerMachine {
  enum Action {
    case start(Jobs.Lease, Wire.Assignment)
    case stop(token: UInt64, StopReason)
  }

  private enum Held {
    case running(jobID: String, stop: StopReason?)
    /// Ended, and the server has not confirmed it.
    case ended(WorkerOutcome)
  }

  private var held: [UInt64: Held] = [:]
  private var outbox: [WorkerOutcome] = []
  /// Whose first outcome the server refused for good.
  private var rejected: Set<UInt64> = []
  /// To be sent again when the server can store again.
  private var refused: [WorkerOutcome] = []
  private var progress: [UInt64: ProgressReport] = [:]
  private var received: UInt64 = 0
  private var acknowledged: UInt64 = 0
  /// The server has greeted on this stream.
  private(set) var isWelcome = false
  private(set) var isDraining = false
  private var drainSent = false
  /// Bytes of results in one message at most, apart from the first.
  private static let messageSize = 1024 * 1024
  private static let messageOutcomes = 1_000

  /// Leases that are not dealt with yet.
  var heldCount: Int { held.count }
  private(set) var runningCount = 0

  // MARK: - The stream

  /// A new stream begins: what it must be told is held.
  mutating func connecting() -> [Lease] {
    isWelcome = false
    received = 0
    acknowledged = 0
    drainSent = false
    return held.sorted { $0.key < $1.key }.map { token, held in
      switch held {
      case .running(let jobID, _): Lease(jobID: jobID, token: token)
      case .ended(let outcome): outcome.lease
      }
    }
  }

  mutating func disconnected() { isWelcome = false }

  mutating func received(_ response: WorkResponseInfo) -> [Action] {
    var actions: [Action] = []
    received = max(received, response.seq)
    if let welcome = response.welcome { actions += welcomed(welcome) }
    actions.reserveCapacity(response.jobs.count)
    for job in response.jobs {
      guard held[job.lease.token] == nil else { continue }
      held[job.lease.token] = .running(jobID: job.lease.jobID, stop: nil)
      runningCount += 1
      actions.append(.start(job.lease, job))
    }
    for result in response.results { settled(result) }
    for cancellation in response.cancellations {
      if let action = stop(cancellation.lease.token, StopReason(cancellation)) { actions.append(action) }
    }
    return actions
  }

  private mutating func welcomed(_ welcome: WelcomeInfo) -> [Action] {
    isWelcome = true
    let lost = welcome.lost.compactMap { stop($0.token, .leaseLost) }
    outbox = []
    refused = []
    // Whether the old stream brought them home is not known; the tokens make a second report harmless.
    for (_, held) in held.sorted(by: { $0.key < $1.key }) {
      if case .ended(let outcome) = held { outbox.append(outcome) }
    }
    return lost
  }

  private mutating func settled(_ result: OutcomeStatus) {
    let token = result.lease.token
    guard case .ended(let outcome)? = held[token] else { return }
    switch result.statusCode {
    case Self.unavailable, Self.resourceExhausted:
      refused.append(outcome)
    case Self.invalidArgument where !rejected.contains(token):
      // It is never to be sent again as it is, and the job is still held: it has failed, for the reason that the server gives.
      rejected.insert(token)
      let failure = Failure(
        type: "OutcomeRefused", message: result.statusMessage, retryable: Self.mayRetry(outcome.how))
      let instead = WorkerOutcome(lease: outcome.lease, how: .failure(failure))
      held[token] = .ended(instead)
      outbox.append(instead)
    default:
      held[token] = nil
      rejected.remove(token)
    }
  }

  private static let invalidArgument: Int32 = 3
  private static let resourceExhausted: Int32 = 8
  private static let unavailable: Int32 = 14

  private static func mayRetry(_ how: WorkerOutcome.How) -> Bool {
    if case .failure(let failure) = how { return failure.retryable }
    return true
  }

  /// Outcomes that the server could not store are due to be sent again.
  mutating func resend() {
    outbox.append(contentsOf: refused)
    refused = []
  }

  // MARK: - Jobs

  /// - Returns: what is to be done, if the job is still running and was not told before.
  mutating func stop(_ token: UInt64, _ reason: StopReason) -> Action? {
    switch held[token] {
    case nil: return nil
    case .ended:
      if reason == .leaseLost { held[token] = nil }
      return nil
    case .running(let jobID, let earlier):
      if reason == .leaseLost {
        held[token] = nil
        progress[token] = nil
        runningCount -= 1
      } else {
        guard earlier == nil else { return nil }
        held[token] = .running(jobID: jobID, stop: reason)
      }
      return .stop(token: token, reason)
    }
  }

  mutating func stopAll(_ reason: StopReason) -> [Action] {
    held.keys.sorted().compactMap { stop($0, reason) }
  }

  /// A job's task has ended.
  mutating func finished(_ token: UInt64, _ how: WorkerOutcome.How) {
    guard case .running(let jobID, let stop)? = held[token] else { return }
    runningCount -= 1
    progress[token] = nil
    let outcome = WorkerOutcome(lease: Lease(jobID: jobID, token: token), how: stop?.reported(how) ?? how)
    held[token] = .ended(outcome)
    outbox.append(outcome)
  }

  mutating func progressed(_ token: UInt64, percent: UInt32, _ message: String) {
    guard case .running(let jobID, _)? = held[token] else { return }
    progress[token] = ProgressReport(
      lease: Lease(jobID: jobID, token: token), progress: Progress(percent: percent, message: message))
  }

  mutating func drain() { isDraining = true }

  // MARK: - Messages

  /// What there is to tell the server; `nil`: nothing. Call again until it says so.
  mutating func nextMessage() -> WorkerMessage? {
    guard isWelcome else { return nil }
    let drain = isDraining && !drainSent
    guard received > acknowledged || !outbox.isEmpty || !progress.isEmpty || drain else { return nil }
    var message = WorkerMessage(ackSeq: received > acknowledged ? received : 0, drain: drain)
    acknowledged = received
    drainSent = drainSent || drain
    message.progress = progress.isEmpty ? [] : Array(progress.values)
    progress.removeAll(keepingCapacity: true)
    message.outcomes = takeOutcomes()
    return message
  }

  private mutating func takeOutcomes() -> [WorkerOutcome] {
    if outbox.count <= Self.messageOutcomes, outbox.reduce(0, { $0 + Self.size($1) }) <= Self.messageSize {
      var all: [WorkerOutcome] = []
      swap(&all, &outbox)
      return all
    }
    var count = 0
    var size = 0
    while count < min(outbox.count, Self.messageOutcomes) {
      size += Self.size(outbox[count])
      if count > 0, size > Self.messageSize { break }
      count += 1
    }
    defer { outbox.removeFirst(count) }
    return Array(outbox[..<count])
  }

  private static func size(_ outcome: WorkerOutcome) -> Int {
    switch outcome.how {
    case .success(let result): 64 + result.count
    case .failure(let failure): 128 + failure.message.utf8.count + failure.backtrace.utf8.count
    case .release, .canceled, .refused: 64
    }
  }
}

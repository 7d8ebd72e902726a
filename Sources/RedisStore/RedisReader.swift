import Jobs
import Synchronization

/// Lookups, on a connection of their own. Callers wait for each other.
final class RedisReader: JobReader {
  private struct State {
    var session: RedisSession?
    var names = ScriptNames()
    var command = RedisCommand()
    /// No attempt to connect before this, after one that failed ...
    var notBefore = ContinuousClock.now
    /// ... with this.
    var failure = StoreError(.unavailable, "Redis: not connected yet")
    var salt: UInt32 = 0
    var isClosed = false
  }
  private let dialer: RedisDialer
  private let state = Mutex(State())

  init(_ dialer: RedisDialer) { self.dialer = dialer }

  func know(salt: UInt32) { state.withLock { $0.salt = salt } }

  func close() {
    state.withLock { state in
      state.isClosed = true
      state.session = nil
    }
  }

  private func run<R: Sendable>(
    _ script: Script, _ write: (inout RedisCommand, UInt32) -> Void,
    _ read: (inout RedisReply) throws(RedisFailure) -> R
  ) throws(StoreError) -> R {
    try state.withLock { (state) throws(StoreError) -> R in
      if state.isClosed { throw StoreError(.unavailable, "the store was closed") }
      // A connection that was closed while nobody looked is made anew once: reading twice does no harm.
      for isSecond in [false, true] {
        let wasOpen = state.session != nil
        do throws(RedisFailure) {
          let session = try connect(&state)
          let salt = state.salt
          var reply = try state.names.run(
            script, prefix: dialer.options.prefix, on: session, timeout: dialer.options.replyTimeout,
            command: &state.command
          ) { write(&$0, salt) }
          return try read(&reply)
        } catch {
          if error.endsConnection { state.session = nil }
          if case .connection = error, wasOpen, !isSecond { continue }
          throw error.storeError
        }
      }
      throw state.failure
    }
  }

  private func connect(_ state: inout State) throws(RedisFailure) -> RedisSession {
    if let session = state.session { return session }
    if ContinuousClock.now < state.notBefore { throw .connection(state.failure.message) }
    do throws(RedisFailure) {
      let session = try dialer.dial()
      state.session = session
      return session
    } catch {
      state.failure = error.storeError
      state.notBefore = .now + dialer.options.reconnectDelay.lowerBound
      throw error
    }
  }

  // MARK: Lookups

  func job(id: String) throws(StoreError) -> JobRecord? {
    try run(.read) { command, salt in
      command.add(id)
      command.add(JobID.seq(of: id, salt: salt).map(Self.digits) ?? "")
    } _: { (reply) throws(RedisFailure) in
      try reply.array() == 0 ? nil : try Self.record(&reply)
    }
  }

  func jobs(_ query: JobQuery) throws(StoreError) -> JobPage {
    let limit = min(max(query.limit, 1), 1000)
    var page = JobPage(jobs: [], next: nil)
    var before = query.before ?? 10_000_000_000_000
    // One more than asked for tells whether there is a next page.
    while page.jobs.count <= limit {
      let wanted = limit + 1 - page.jobs.count
      let next: Int64?
      let more: [JobRecord]
      (next, more) = try run(.list) { command, _ in
        command.add(query.queue)
        command.add(query.states.map(\.rawValue).sorted())
        command.add(query.name)
        command.add(query.batchID)
        command.add(before)
        command.add(wanted)
        command.add(4 << 20)
      } _: { (reply) throws(RedisFailure) in
        let count = try reply.array()
        let next = try reply.optionalInteger()
        var jobs: [JobRecord] = []
        for _ in 0..<(count - 1) / 4 { jobs.append(try Self.record(&reply)) }
        return (next, jobs)
      }
      page.jobs += more
      guard let next else { break }
      before = next
    }
    if page.jobs.count > limit {
      page.jobs.removeLast()
      page.next = page.jobs.last?.seq
    }
    return page
  }

  func events(after cursor: Int64, limit: Int) throws(StoreError) -> EventPage {
    let from = max(0, cursor)
    return try run(.events) { command, _ in
      command.add(from)
      command.add(max(1, limit))
      command.add(4 << 20)
    } _: { (reply) throws(RedisFailure) in
      let count = try reply.array()
      _ = try reply.string()
      let trimmed = try reply.integer()
      let newest = try reply.integer()
      // A cursor from before the data was lost leads nowhere either.
      if cursor > 0, cursor < trimmed || cursor > newest { return .trimmed(oldest: trimmed) }
      var events: [Event] = []
      for _ in 0..<(count - 3) / 2 {
        let last = try reply.integer()
        let packed = try reply.packed()
        _ = try StoredEvents.read(packed, first: last - (try StoredEvents.count(packed)) + 1, into: &events)
      }
      let page = Array(events.drop { $0.cursor <= from }.prefix(max(0, limit)))
      return .events(page, next: page.last?.cursor ?? cursor)
    }
  }

  private static func record(_ reply: inout RedisReply) throws(RedisFailure) -> JobRecord {
    let seq = try reply.integer()
    let record = try reply.packed()
    let state = try reply.packed()
    let leaseUntil = try reply.optionalInteger().map { Timestamp(microseconds: $0) }
    return try StoredState.record(seq: seq, record: record, state: state, leaseUntil: leaseUntil)
  }

  private static func digits(_ seq: Int64) -> String {
    let digits = String(seq)
    return String(repeating: "0", count: max(0, 13 - digits.utf8.count)) + digits
  }
}

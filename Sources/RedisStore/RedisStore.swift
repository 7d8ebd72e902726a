import Jobs

/// Jobs in a Redis that any number of servers share.
///
/// Every verb is one script: atomic, and applied when it returns. So a tick is not one transaction: `rollback` undoes nothing,
/// `commit` gives out the events that all servers have recorded since the last one, and waits for replicas where that was asked
/// for. What the verbs promise otherwise is what every store promises.
///
/// While Redis is away every verb throws `.unavailable` at once; the keeper, a thread of the store's own, connects again.
public final class RedisStore: JobStore {
  public let kind = "redis"
  let configuration: StoreConfiguration
  let options: RedisOptions
  let link: RedisLink
  let name: String
  private let lookups: RedisReader
  private let keeperThread: SystemThread

  // The engine's connection.
  private var session: RedisSession?
  private var generation = 0
  private var names = ScriptNames()
  private var command = RedisCommand()

  // What this server knows of the store.
  private var salt: UInt32
  private var tokens: TokenSource
  private var paused: Set<String>
  /// The cursor of the last event that was given out.
  private var givenOut: Int64
  /// Events after `givenOut`, without a gap, that this server has recorded.
  private var pending: [Event] = []
  /// The newest cursor that this server has seen in an answer.
  private var newest: Int64
  /// Queues that may have something ready ...
  private var ready: Set<String>
  /// ... and filters that found nothing since something last became so.
  private var dry: Set<ClaimFilter> = []
  /// Something was written that no replica has been asked about yet.
  private var isUnconfirmed = false

  /// Round trips to Redis so far, for benchmarks.
  public var roundTrips: Int { endedTrips + (session?.connection.trips ?? 0) }
  private var endedTrips = 0

  /// Connects to Redis and opens the store there; makes it when there is none.
  ///
  /// - Parameters:
  ///   - now: the server's clock, asked on the store's own thread when it has connected anew.
  ///   - signal: told what other servers did, on the store's own thread.
  /// - Throws: `.unavailable` when Redis cannot be reached now, `.unusable` when it cannot be used at all: wrong password,
  ///   another version's data, or (where that is to be refused) weak durability.
  public static func open(
    url: RedisURL, configuration: StoreConfiguration = StoreConfiguration(), options: RedisOptions = RedisOptions(),
    now: @escaping @Sendable () -> Timestamp, signal: @escaping @Sendable (StoreSignal) -> Void = { _ in }
  ) throws(StoreError) -> RedisStore {
    let link = RedisLink()
    let dialer = RedisDialer(url: url, options: options)
    let name = String(UInt64.random(in: 1...(.max)), radix: 16)
    let keeper = RedisKeeper(dialer, link, configuration, name: name, now: now, signal: signal)
    let session: RedisSession
    let greeting: Greeting
    let check: DurabilityCheck
    do {
      (session, greeting, check) = try keeper.open()
    } catch {
      throw error.storeError
    }
    check.weaknesses.forEach(options.warn)
    if options.refusesWeakDurability, let weakness = check.weaknesses.first { throw StoreError(.unusable, weakness) }
    guard let thread = SystemThread({ keeper.run() }) else {
      throw StoreError(.unavailable, "the system has no thread to give")
    }
    return RedisStore(configuration, dialer, link, name, session, greeting, thread)
  }

  private init(
    _ configuration: StoreConfiguration, _ dialer: RedisDialer, _ link: RedisLink, _ name: String,
    _ session: RedisSession, _ greeting: Greeting, _ thread: SystemThread
  ) {
    self.configuration = configuration
    self.options = dialer.options
    self.link = link
    self.name = name
    self.session = session
    keeperThread = thread
    lookups = RedisReader(dialer)
    salt = greeting.salt
    tokens = TokenSource(epoch: greeting.epoch)
    paused = greeting.paused
    ready = greeting.ready
    givenOut = greeting.cursor
    newest = greeting.cursor
    lookups.know(salt: greeting.salt)
    link.state.withLock { state in
      state.cursor = max(state.cursor, greeting.cursor)
      if let due = greeting.due { state.due = min(due, state.due ?? due) }
    }
  }

  public var reader: any JobReader { lookups }

  public func close() throws(StoreError) {
    let connections = link.state.withLock { state in
      state.isClosing = true
      return [state.subscriber, state.beats]
    }
    for connection in connections { connection?.interrupt() }
    keeperThread.join()
    // Its workers have gone; if this fails they are seen for three seconds more.
    if session != nil { try? publish([], arrived: []) }
    dropSession()
    lookups.close()
  }

  // MARK: Calls

  private func dropSession() {
    endedTrips += session?.connection.trips ?? 0
    session = nil
  }

  /// The connection, or why there is none.
  func connected() throws(StoreError) -> RedisSession {
    let (fresh, current, failure) = link.state.withLock { state in
      defer { state.fresh = nil }
      return (state.fresh, state.generation, state.failure)
    }
    if generation != current {
      dropSession()
      generation = current
    }
    if let fresh {
      session = fresh.session
      greet(fresh.greeting)
    }
    guard let session else { throw failure }
    return session
  }

  /// Takes note of the store as it is after a new connection; it may be another one if Redis lost its data.
  private func greet(_ greeting: Greeting) {
    if greeting.salt != salt || greeting.cursor < givenOut {
      options.warn("Redis has lost data: events up to \(givenOut) were given out, it knows of \(greeting.cursor)")
      salt = greeting.salt
      givenOut = greeting.cursor
      link.state.withLock { $0.cursor = greeting.cursor }
    }
    lookups.know(salt: greeting.salt)
    pending.removeAll()
    newest = max(greeting.cursor, givenOut)
    tokens = TokenSource(epoch: greeting.epoch)
    paused = greeting.paused
    ready.formUnion(greeting.ready)
    dry.removeAll()
  }

  /// Runs a script on the engine's connection.
  func run(_ script: Script, _ write: (inout RedisCommand) -> Void) throws(StoreError) -> RedisReply {
    let session = try connected()
    do {
      return try names.run(
        script, prefix: options.prefix, on: session, timeout: options.replyTimeout, command: &command, write)
    } catch {
      throw giveUp(error)
    }
  }

  func giveUp(_ failure: RedisFailure) -> StoreError {
    let error = failure.storeError
    if failure.endsConnection {
      dropSession()
      link.giveUp(generation, error)
    }
    return error
  }

  /// Runs a verb that may record events; the reply that is returned stands at the verb's own results.
  func write(
    _ script: Script, now: Timestamp, _ write: (inout RedisCommand) -> Void
  ) throws(StoreError) -> RedisReply {
    var reply = try run(script) { command in
      command.add(Int64(salt))
      command.add(now.microseconds)
      command.add(name)
      write(&command)
    }
    do {
      _ = try reply.array()
      let before = try reply.integer()
      let packed = try reply.packed()
      let due = try reply.optionalInteger().map { Timestamp(microseconds: $0) }
      var count: Int64 = 0
      if !packed.isEmpty {
        isUnconfirmed = true
        if before == givenOut + Int64(pending.count) {
          let known = pending.count
          count = try StoredEvents.read(packed, first: before + 1, into: &pending)
          take(note: pending[known...])
        } else {
          // Others' events lie in between: all are read at the commit.
          var events: [Event] = []
          count = try StoredEvents.read(packed, first: before + 1, into: &events)
          take(note: events[...])
        }
      }
      newest = max(newest, before + count)
      link.state.withLock { state in
        state.due = due
        state.cursor = max(state.cursor, newest)
      }
      return reply
    } catch {
      throw giveUp(error)
    }
  }

  /// Reads a reply; a broken one ends the connection.
  func read<R>(_ body: () throws(RedisFailure) -> R) throws(StoreError) -> R {
    do {
      return try body()
    } catch {
      throw giveUp(error)
    }
  }

  /// The number inside an id that this store seems to have made, as 13 digits; else `none`.
  func hint(_ id: String, none: String) -> String {
    guard let seq = JobID.seq(of: id, salt: salt) else { return none }
    let digits = String(seq)
    return digits.utf8.count > 13 ? none : String(repeating: "0", count: 13 - digits.utf8.count) + digits
  }

  func madeID(_ seq: Int64, now: Timestamp) -> String { JobID.make(seq: seq, at: now, salt: salt) }

  /// The parts of an id before and after the number that the script makes.
  func idParts(now: Timestamp) -> (String, String) {
    let id = JobID.make(seq: 0, at: now, salt: salt)
    return (String(id.prefix(19)), String(id.suffix(4)))
  }

  func takeTokens(_ count: Int) -> (epoch: [UInt8], first: Int64) { tokens.take(count) }

  // MARK: Ticks

  public func commit(_ durability: Durability) throws(StoreError) -> [Event] {
    if durability == .synced { try sync() }
    var events = pending
    pending.removeAll(keepingCapacity: true)
    givenOut += Int64(events.count)
    let heard = link.state.withLock { $0.cursor }
    if max(newest, heard) > givenOut {
      // Others' events lie in between. If they cannot be read now, the next commit gives them out.
      let known = events.count
      do throws(StoreError) { try fetchEvents(into: &events) } catch {}
      take(note: events[known...])
    }
    return events
  }

  /// What events say of what is ready and paused.
  private func take(note events: ArraySlice<Event>) {
    var last = ""
    for event in events {
      switch event.kind {
      case .enqueued:
        dry.removeAll(keepingCapacity: true)
        if event.queue != last {
          ready.insert(event.queue)
          last = event.queue
        }
      case .queuePaused: paused.insert(event.queue)
      case .queueResumed:
        paused.remove(event.queue)
        ready.insert(event.queue)
        dry.removeAll(keepingCapacity: true)
      default: break
      }
    }
  }

  private func fetchEvents(into events: inout [Event]) throws(StoreError) {
    while true {
      var reply = try run(.events) { command in
        command.add(givenOut)
        command.add(4096)
        command.add(8 << 20)
      }
      let isDone = try read { () throws(RedisFailure) in
        let count = try reply.array()
        _ = try reply.string()
        _ = try reply.integer()
        newest = max(newest, try reply.integer())
        for _ in 0..<(count - 3) / 2 {
          let last = try reply.integer()
          let packed = try reply.packed()
          _ = try StoredEvents.read(packed, first: last - (try StoredEvents.count(packed)) + 1, into: &events)
          givenOut = last
        }
        return count <= 3 || givenOut >= newest
      }
      if isDone { return }
    }
  }

  /// Redis itself has synced, if it is set to, before it answered; replicas are asked here.
  public func sync() throws(StoreError) {
    guard options.replicas > 0, isUnconfirmed else { return }
    let session = try connected()
    let count = try read { () throws(RedisFailure) in
      let milliseconds = Int64(options.replicaTimeout / .milliseconds(1))
      var wait = RedisCommand("WAIT")
      wait.add(options.replicas)
      wait.add(max(1, milliseconds))
      var reply = try session.connection.ask(wait, until: .now + options.replicaTimeout + options.replyTimeout)
      return try reply.integer()
    }
    guard count >= options.replicas else {
      throw StoreError(
        .unavailable,
        "\(count) of \(options.replicas) replicas have confirmed: what was stored may be lost in a failover")
    }
    isUnconfirmed = false
  }

  /// Nothing: each verb was applied when it returned. Its events come with the next commit.
  public func rollback() {}

  // MARK: Standing

  public var nextDue: Timestamp? {
    // Nothing can be done about it while there is no connection; the keeper wakes the engine when there is one.
    link.state.withLock { $0.generation == generation && session == nil && $0.fresh == nil ? nil : $0.due }
  }

  public func mayHaveReady(_ filter: ClaimFilter) -> Bool {
    let heard = link.state.withLock { state in
      defer { state.ready = [] }
      return state.ready
    }
    if !heard.isEmpty {
      ready.formUnion(heard)
      dry.removeAll(keepingCapacity: true)
    }
    if dry.contains(filter) { return false }
    return filter.queues.contains { pattern in
      pattern.isPrefix ? ready.contains { pattern.matches($0) } : ready.contains(pattern.text)
    }
  }

  /// A claim with this filter took all there was.
  func foundNothing(_ filter: ClaimFilter) {
    if filter.names.isEmpty {
      for pattern in filter.queues {
        if pattern.isPrefix {
          for queue in ready where pattern.matches(queue) { ready.remove(queue) }
        } else {
          ready.remove(pattern.text)
        }
      }
    }
    if dry.count >= 1024 { dry.removeAll() }
    dry.insert(filter)
  }

  public func isPaused(_ queue: String) -> Bool { paused.contains(queue) }

  public var lastEventCursor: Int64 { givenOut }
}

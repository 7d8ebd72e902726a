import Jobs

/// The store's own thread: listens to the other servers' signals, says once a beat that this server is there, looks for what
/// a lost signal may have told, and makes the connections anew when they are lost.
final class RedisKeeper: Sendable {
  private let dialer: RedisDialer
  private let link: RedisLink
  private let options: RedisOptions
  private let configuration: StoreConfiguration
  private let name: String
  private let now: @Sendable () -> Timestamp
  private let signal: @Sendable (StoreSignal) -> Void

  init(
    _ dialer: RedisDialer, _ link: RedisLink, _ configuration: StoreConfiguration, name: String,
    now: @escaping @Sendable () -> Timestamp, signal: @escaping @Sendable (StoreSignal) -> Void
  ) {
    self.dialer = dialer
    self.link = link
    self.options = dialer.options
    self.configuration = configuration
    self.name = name
    self.now = now
    self.signal = signal
  }

  private var isClosing: Bool { link.state.withLock { $0.isClosing } }

  /// Connects, checks, greets.
  func open() throws(RedisFailure) -> (RedisSession, Greeting, DurabilityCheck) {
    let session = try dialer.dial()
    let check = try DurabilityCheck(session.connection, replicas: options.replicas, timeout: options.connectTimeout)
    var names = ScriptNames()
    var command = RedisCommand()
    return (session, try greet(session, &names, &command), check)
  }

  private func greet(
    _ session: RedisSession, _ names: inout ScriptNames, _ command: inout RedisCommand
  ) throws(RedisFailure) -> Greeting {
    let salt = options.salt ?? UInt32.random(in: 0...0xFFF_FFFF)
    let reply = try names.run(
      .hello, prefix: options.prefix, on: session, timeout: options.replyTimeout, command: &command
    ) { command in
      command.add(Int64(salt & 0xFFF_FFFF))
      command.add(now().microseconds)
      command.add(name)
      command.add(configuration.lease.microseconds)
      command.add(configuration.timeoutGrace.microseconds)
    }
    return try Greeting(reply)
  }

  /// Until the store is closed.
  func run() {
    var delay = options.reconnectDelay.lowerBound
    var needsWriter = false
    var warned: [String] = []
    while !isClosing {
      var news = News()
      do throws(RedisFailure) {
        let subscriber = try subscribe()
        let beats = try dialer.dial()
        if needsWriter {
          let (session, greeting, check) = try open()
          if check.weaknesses != warned {
            warned = check.weaknesses
            check.weaknesses.forEach(options.warn)
          }
          if options.refusesWeakDurability, let weakness = check.weaknesses.first {
            throw .refused("GKWEAK \(weakness)")
          }
          news.queues.formUnion(greeting.ready)
          news.cursor = greeting.cursor
          link.state.withLock { state in
            state.fresh = (session, greeting)
            state.generation += 1
            state.wantsAnother = false
            state.due = greeting.due
          }
          options.warn("Redis is back")
        }
        delay = options.reconnectDelay.lowerBound
        let isOpen = link.state.withLock { state in
          state.subscriber = subscriber
          state.beats = beats.connection
          return !state.isClosing && !state.wantsAnother
        }
        needsWriter = true
        if isOpen { try listen(subscriber, beats, &news) }
      } catch {
        if isClosing { return }
        let failure = error.storeError
        let isNews = link.state.withLock { state in
          defer { state.failure = failure }
          state.subscriber = nil
          state.beats = nil
          state.fresh = nil
          // The engine's connection goes too: it may lead to a Redis that is no longer the master.
          state.generation += 1
          return state.failure != failure
        }
        needsWriter = true
        if isNews { options.warn(failure.message) }
        SystemThread.sleep(delay)
        delay = min(delay * 2, options.reconnectDelay.upperBound)
      }
    }
  }

  private var signals: String { options.prefix + "signals" }
  private var cancels: String { options.prefix + "cancels" }
  private var workers: String { options.prefix + "workers" }

  private func subscribe() throws(RedisFailure) -> RedisConnection {
    let connection = try dialer.dial().connection
    let deadline = ContinuousClock.now + options.connectTimeout
    try connection.send(RedisCommand("SUBSCRIBE", signals, cancels, workers), until: deadline)
    for _ in 0..<3 {
      let reply = try connection.receive(until: deadline)
      if let text = reply.errorText { throw .refused(text) }
    }
    return connection
  }

  /// Until a connection is lost, or another one is wanted.
  private func listen(
    _ subscriber: RedisConnection, _ beats: RedisSession, _ news: inout News
  ) throws(RedisFailure) {
    var names = ScriptNames()
    var command = RedisCommand()
    try beat(beats, &names, &command, &news)
    tell(&news)
    var nextBeat = ContinuousClock.now + options.beat
    while true {
      if let reply = try subscriber.receivePushed(until: nextBeat) {
        try hear(reply, &news)
        while let more = try subscriber.receiveBuffered() { try hear(more, &news) }
      }
      if ContinuousClock.now >= nextBeat {
        try beat(beats, &names, &command, &news)
        nextBeat = .now + options.beat
      }
      tell(&news)
      let isOver = link.state.withLock { $0.isClosing || $0.wantsAnother }
      if isOver { throw .connection("the connection was lost") }
    }
  }

  /// What was heard and not yet passed on.
  private struct News {
    var queues: Set<String> = []
    /// Of leases and workers, in the order in which they came.
    var others: [StoreSignal] = []
    var cursor: Int64 = 0
    var due: Timestamp?
  }

  private func hear(_ reply: RedisReply, _ news: inout News) throws(RedisFailure) {
    var reply = reply
    guard try reply.array() == 3, try reply.string() == "message" else { return }
    let channel = try reply.string()
    var payload = try reply.packed()
    let message = try payload.rest()
    let parts = message.split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2 else { return }
    if channel == workers {
      guard String(decoding: parts[0], as: UTF8.self) != name else { return }
      var rest = PackedReader(message, parts[1].indices)
      switch try rest.uint8() {
      case UInt8(ascii: "a"):
        let at = try rest.timestamp()
        news.others.append(.arrived(workerID: String(decoding: try rest.rest(), as: UTF8.self), at: at))
      case UInt8(ascii: "d"): news.others.append(.drain(workerID: String(decoding: try rest.rest(), as: UTF8.self)))
      default: break
      }
    } else if channel == cancels {
      // Told to everyone, the caller too: it may not be the one that has the worker.
      var rest = PackedReader(message, parts[1].indices)
      let token = try rest.uint64()
      let text = try rest.rest().split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false)
      guard text.count == 2, String(decoding: parts[0], as: UTF8.self) != name else { return }
      let lease = Lease(jobID: String(decoding: text[0], as: UTF8.self), token: token)
      news.others.append(.cancel(lease, reason: String(decoding: text[1], as: UTF8.self)))
    } else if String(decoding: parts[0], as: UTF8.self) != name {
      let words = parts[1].split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
      news.cursor = max(news.cursor, words.first.flatMap { Int64($0) } ?? 0)
      news.queues.formUnion(words.dropFirst())
    }
  }

  private func beat(
    _ session: RedisSession, _ names: inout ScriptNames, _ command: inout RedisCommand, _ news: inout News
  ) throws(RedisFailure) {
    var reply = try names.run(
      .beat, prefix: options.prefix, on: session, timeout: options.replyTimeout, command: &command
    ) { $0.add(name) }
    _ = try reply.array()
    let salt = try reply.string()
    let cursor = try reply.integer()
    let due = try reply.optionalInteger().map { Timestamp(microseconds: $0) }
    let nobodyWasThere = try reply.integer() == 1
    if salt.isEmpty { throw .refused("GKSTALE Redis has lost the store's data") }
    if nobodyWasThere { _ = try greet(session, &names, &command) }
    let known = link.state.withLock { $0.cursor }
    news.due = due
    guard cursor > max(known, news.cursor) else { return }
    // Something was done and no signal told of it, or not yet: look what is ready.
    news.cursor = cursor
    var ready = try session.connection.ask(
      RedisCommand("ZRANGE", options.prefix + "rq", "0", "-1"), until: .now + options.replyTimeout)
    for _ in 0..<(try ready.array()) { news.queues.insert(try ready.string()) }
  }

  private func tell(_ news: inout News) {
    let heard = news
    news = News()
    let isNew = link.state.withLock { state in
      var isNew = false
      if let due = heard.due, state.due.map({ due < $0 }) ?? true {
        state.due = due
        isNew = true
      }
      state.ready.formUnion(heard.queues)
      if heard.cursor > state.cursor {
        state.cursor = heard.cursor
        isNew = true
      }
      return isNew
    }
    for queue in heard.queues.sorted() { signal(.ready(queue: queue)) }
    for other in heard.others { signal(other) }
    if isNew { signal(.events(upTo: link.state.withLock { $0.cursor })) }
  }
}

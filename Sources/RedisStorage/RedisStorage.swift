public import Jobs
import Synchronization

/// Jobs in a Redis, as a storage: it keeps change sets and gives rows back, and decides nothing (see Layout.swift for what is stored).
///
/// Each of its users has a connection of its own: the storage's thread writes and loads, the engine's thread reads rows, people look
/// things up, and leadership is renewed beside them all. While Redis is away every call throws `.unavailable` and the next one tries again.
public final class RedisStorage: Storage {
  public let kind = "redis"
  private let options: RedisOptions
  private let known: KnownStore
  private let line: RedisLine
  private let leaders: RedisLeadership
  private let rowSource: RedisRows
  private let lookups: RedisLookups
  private let written = Mutex(Written())
  private let book: SharedBook

  /// What the storage's thread knows of what it has written.
  private struct Written {
    var cache = BlockCache()
    var number: UInt64 = 0
    var cursor: Int64 = 0
    var eventBytes: Int64 = 0
    /// Of which this is known; nil: it must be read, since indexes are changed as they are known.
    var epoch: Epoch?
  }

  /// Connects to Redis and opens the store there; makes it when there is none.
  ///
  /// - Throws: `.unavailable` when Redis cannot be reached now, `.unusable` when it cannot be used at all: wrong password,
  ///   another version's data, or (where that is to be refused) weak durability.
  public static func open(url: RedisURL, options: RedisOptions = RedisOptions()) throws(StoreError) -> RedisStorage {
    let storage = RedisStorage(RedisDialer(url: url, options: options))
    try storage.line.use { (_) throws(RedisFailure) in }
    return storage
  }

  private init(_ dialer: RedisDialer) {
    options = dialer.options
    known = KnownStore(Layout(prefix: options.prefix))
    book = SharedBook()
    line = RedisLine(dialer, known, checksDurability: true)
    leaders = RedisLeadership(RedisLine(dialer, known), known, options)
    rowSource = RedisRows(RedisLine(dialer, known), known, book)
    lookups = RedisLookups(RedisLine(dialer, known), known)
  }

  public var leadership: (any Leadership)? { leaders }
  public var rows: any RowSource { rowSource }
  public var reader: any JobReader { lookups }
  /// For tests: what was warned of at the last connection.
  var weaknesses: [String] { known.weaknesses }

  /// For what leads by itself, as tests do: whoever led before is deposed.
  public func beginEpoch() throws(StoreError) -> Epoch {
    switch try leaders.seek("alone", term: .zero) {
    case .here(let epoch): epoch
    case .elsewhere(let id, _): throw StoreError(.unavailable, "\(id) leads")
    }
  }

  public func close() throws(StoreError) {
    line.close()
    leaders.close()
    rowSource.close()
    lookups.close()
  }

  // MARK: Loading

  public func load(_ epoch: Epoch, into loader: any StateLoader) throws(StoreError) {
    book.value.withLock { $0.removeAll() }
    try written.withLock { (written) throws(StoreError) in
      let start = try read(epoch, into: &written)
      try line.use { (session) throws(RedisFailure) in
        loader.begin(
          salt: self.known.salt, nextSeq: start.nextSeq, lastCursor: start.cursor, lastNumber: start.number)
        try StateReader(session: session, layout: self.known.layout).read(into: loader)
      }
    }
  }

  /// Reads where the store stands.
  @discardableResult
  private func read(_ epoch: Epoch, into written: inout Written) throws(StoreError) -> StoredState {
    written.epoch = nil
    let start = try line.use { (session) throws(RedisFailure) in try StoredState(session, self.known, epoch) }
    written.cache.reset(nextSeq: start.nextSeq)
    written.number = start.number
    written.cursor = start.cursor
    written.eventBytes = start.eventBytes
    written.epoch = epoch
    let newest = known.newest
    if newest.epoch == epoch.number, newest.number > start.number {
      options.warn(
        "Redis has lost change sets that it had acknowledged, \(newest.number - start.number) of them (a failover to a replica that lagged, or a "
          + "restart without AOF): jobs are as they were before, what came after is gone")
      known.forget()
    }
    known.note(epoch: epoch.number, number: start.number, cursor: start.cursor)
    return start
  }

  // MARK: Writing

  public func write(_ changes: [ChangeSet], epoch: Epoch) throws(StoreError) {
    guard let first = changes.first, let last = changes.last else { return }
    try written.withLock { (written) throws(StoreError) in
      if written.epoch != epoch { try read(epoch, into: &written) }
      for (index, set) in changes.enumerated() where set.number != written.number + UInt64(index) + 1 {
        throw StoreError(
          .deposed, "change set \(set.number) of epoch \(epoch.number) does not follow \(written.number)")
      }
      do throws(StoreError) {
        let blocks = Self.blocks(of: changes)
        try readIndexes(of: blocks, &written)
        var writer = ChangeWriter(known.layout, eventBytes: written.eventBytes, cursor: written.cursor)
        book.value.withLock { book in
          for set in changes { writer.add(set, &written.cache, &book) }
          writer.finish(blocks.sorted().map { written.cache[$0] }, number: last.number, finished: book.takeFinished())
        }
        let makesJobs = changes.contains { $0.jobs.contains { $0.isNew } }
        let durability: Durability = changes.contains { $0.durability == .synced } ? .synced : .relaxed
        try send(writer.words, epoch, before: first.number - 1, makesJobs: makesJobs, durability)
        written.number = last.number
        written.cursor = writer.newestCursor
        written.eventBytes = writer.eventBytes
        written.cache.trim()
        known.note(epoch: epoch.number, number: last.number, cursor: writer.newestCursor)
      } catch {
        // Whatever became of it, what is known here of the indexes may be wrong.
        written.epoch = nil
        throw error
      }
    }
  }

  private static func blocks(of changes: [ChangeSet]) -> Set<Int64> {
    var blocks: Set<Int64> = []
    var latest: Int64 = -1
    func note(_ seq: Int64) {
      let block = Layout.block(of: seq)
      if block != latest {
        latest = block
        blocks.insert(block)
      }
    }
    for set in changes {
      for change in set.jobs { note(change.head.seq) }
      for job in set.forgotten { note(job.head.seq) }
    }
    return blocks
  }

  /// Reads the indexes of blocks that were not used lately; a write needs this once in some thousand jobs.
  private func readIndexes(of blocks: Set<Int64>, _ written: inout Written) throws(StoreError) {
    let missing = written.cache.missing(among: blocks)
    if missing.isEmpty { return }
    let layout = known.layout
    let indexes = try line.use(rereads: true) { (session) throws(RedisFailure) in
      var replies = try session.ask(missing.map { RedisCommand("HGETALL", layout.index($0)) })
      var indexes: [[IndexField: BlockBits]] = []
      for index in replies.indices {
        var bits: [IndexField: BlockBits] = [:]
        for _ in 0..<(try replies[index].array() / 2) {
          let field = IndexField(name: try replies[index].string())
          bits[field] = try BlockBits(try replies[index].packed())
        }
        indexes.append(bits)
      }
      return indexes
    }
    for (number, bits) in zip(missing, indexes) { written.cache.add(BlockIndex(number, bits: bits)) }
  }

  private func send(
    _ words: RedisCommand, _ epoch: Epoch, before number: UInt64, makesJobs: Bool, _ durability: Durability
  ) throws(StoreError) {
    let wait = durability == .synced ? confirmation : nil
    let confirmed = try line.use { (session) throws(RedisFailure) -> Int64? in
      var (_, confirmed) = try session.run(
        .write(evenIfFull: !makesJobs), key: self.known.layout.meta,
        RedisCommand(String(epoch.number), String(Int64(clamping: number))), words, and: wait,
        afterTimeout: wait == nil ? .zero : self.options.replicaTimeout)
      return try confirmed?.integer()
    }
    try check(confirmed)
  }

  private var confirmation: RedisCommand? {
    guard options.replicas > 0 else { return nil }
    var wait = RedisCommand("WAIT")
    wait.add(options.replicas)
    wait.add(max(1, Int64(options.replicaTimeout / .milliseconds(1))))
    return wait
  }

  private func check(_ confirmed: Int64?) throws(StoreError) {
    guard let confirmed, confirmed < options.replicas else { return }
    throw StoreError(
      .unavailable,
      "\(confirmed) of \(options.replicas) replicas have confirmed: what was stored may be lost in a failover")
  }

  /// Redis itself has synced, if it is set to, before it answered; replicas are asked here.
  public func sync() throws(StoreError) {
    guard let wait = confirmation else { return }
    let confirmed = try line.use { (session) throws(RedisFailure) -> Int64 in
      try session.connection.send(wait, until: .now + self.options.replyTimeout)
      var reply = try session.connection.receive(until: .now + self.options.replicaTimeout + self.options.replyTimeout)
      if let text = reply.errorText { throw .refused(text) }
      return try reply.integer()
    }
    try check(confirmed)
  }

  // MARK: Housekeeping

  /// Forgets events that are old or too many.
  public func tidy(now: Timestamp) throws(StoreError) -> Timestamp {
    try written.withLock { (written) throws(StoreError) in
      guard let epoch = written.epoch else { return now + .seconds(10) }
      let layout = known.layout
      let before = now - options.retention.age
      let bytes = written.eventBytes
      let slice = try line.use(rereads: true) { (session) throws(RedisFailure) in
        try EventTrim(session, layout, before: before, excess: bytes - self.options.retention.bytes)
      }
      if slice.removed > 0 {
        let words = RedisCommand(
          "4", "XTRIM", layout.events, "MINID", "\(slice.trimmed + 1)-0",
          "6", "HSET", layout.meta, "trimmed", String(slice.trimmed), "bytes", String(max(0, bytes - slice.removed)))
        try send(words, epoch, before: written.number, makesJobs: false, .relaxed)
        written.eventBytes = max(0, bytes - slice.removed)
      }
      if slice.hasMore { return now }
      return min(max(slice.oldest.map { $0 + options.retention.age } ?? now, now + .seconds(1)), now + .seconds(30))
    }
  }
}

/// See EndsBook.
final class SharedBook: Sendable {
  let value = Mutex(EndsBook())
}

/// How far a slice of the oldest events goes that may be forgotten.
private struct EventTrim {
  private(set) var trimmed: Int64 = 0
  private(set) var removed: Int64 = 0
  private(set) var hasMore = false
  /// The time of the oldest that stays.
  private(set) var oldest: Timestamp?

  init(_ session: RedisSession, _ layout: Layout, before: Timestamp, excess: Int64) throws(RedisFailure) {
    var reply = try session.ask(RedisCommand("XRANGE", layout.events, "-", "+", "COUNT", "32"))
    let count = try reply.array()
    for _ in 0..<count {
      let (last, packed) = try EventEntry.read(&reply)
      let (_, at) = try EventCodec.count(packed)
      if at > before, removed >= excess {
        oldest = at
        return
      }
      trimmed = last
      removed += Int64(packed.count)
    }
    hasMore = count == 32
  }
}

enum EventEntry {
  /// An entry of XRANGE's reply: the cursor of its last event, and its events.
  static func read(_ reply: inout RedisReply) throws(RedisFailure) -> (last: Int64, packed: PackedReader) {
    _ = try reply.array()
    guard let last = Int64(try reply.string().prefix { $0 != "-" }) else {
      throw .protocolError("an entry's id is no cursor")
    }
    guard case .array(2) = try reply.next() else { throw .protocolError("an entry of events has other fields") }
    _ = try reply.range()
    return (last, try reply.packed())
  }
}

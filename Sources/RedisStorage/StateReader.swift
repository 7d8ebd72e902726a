import Jobs

/// What the store's own hash says.
struct StoredState {
  let nextSeq: Int64
  let cursor: Int64
  let eventBytes: Int64
  let number: UInt64

  init(_ session: RedisSession, _ known: KnownStore, _ epoch: Epoch) throws(RedisFailure) {
    let layout = known.layout
    var reply = try session.ask(
      RedisCommand("HMGET", layout.meta, "epoch", "torn", "seq", "cursor", "bytes", "number"))
    _ = try reply.array()
    let stored = try reply.optionalString() ?? "none"
    guard stored == String(epoch.number) else { throw .refused("GKFENCED epoch \(stored)") }
    if let torn = try reply.optionalString() { throw .refused("GKTORN a write broke off: \(torn)") }
    nextSeq = try reply.integer()
    cursor = try reply.integer()
    eventBytes = try reply.integer()
    number = UInt64(clamping: try reply.integer())
  }
}

/// Reads all that the state is made of.
struct StateReader {
  let session: RedisSession
  let layout: Layout
  /// Blocks whose indexes, and then rows, are asked for in one round trip.
  private static let blocksAtOnce = 24

  func read(into loader: any StateLoader) throws(RedisFailure) {
    try scan("HSCAN", layout.queues) { (reply) throws(RedisFailure) in
      let name = try reply.string()
      var packed = try reply.packed()
      loader.add(try QueueCodec.read(name, &packed))
    }
    try scan("HSCAN", layout.documents) { (reply) throws(RedisFailure) in
      var field = try reply.packed()
      let code = try field.uint8()
      guard let kind = Document.Kind(rawValue: code) else { throw .protocolError("a document is of kind \(code)") }
      var packed = try reply.packed()
      loader.add(Document(kind: kind, key: try field.restText(), bytes: try packed.rest()))
    }
    try jobs(into: loader)
    var count = try session.ask(RedisCommand("HLEN", layout.ids))
    loader.expectChosen(Int(try count.integer()))
    try scan("HSCAN", layout.ids) { (reply) throws(RedisFailure) in
      let id = try reply.string()
      loader.addChosen(id: id, seq: try reply.integer())
    }
    try scan("ZSCAN", layout.holds) { (reply) throws(RedisFailure) in
      var packed = try reply.packed()
      let until = Timestamp(microseconds: Int64(Double(try reply.string()) ?? 0))
      let seq = Int64(bitPattern: try packed.uint64())
      let queue = try packed.text16()
      loader.addHold(queue: queue, key: try packed.text16(), seq: seq, until: until)
    }
  }

  /// All pairs of a hash or sorted set, in slices, so that Redis serves others in between. Nobody else writes meanwhile: the fence.
  private func scan(
    _ verb: String, _ key: String, _ body: (inout RedisReply) throws(RedisFailure) -> Void
  ) throws(RedisFailure) {
    var place = "0"
    try session.send([RedisCommand(verb, key, place, "COUNT", "2000")])
    repeat {
      var reply = try session.receive(1)[0]
      _ = try reply.array()
      place = try reply.string()
      // Redis reads the next slice while this one is taken in.
      if place != "0" { try session.send([RedisCommand(verb, key, place, "COUNT", "2000")]) }
      for _ in 0..<(try reply.array() / 2) { try body(&reply) }
    } while place != "0"
  }

  private func jobs(into loader: any StateLoader) throws(RedisFailure) {
    let fields = JobState.allCases.filter { !$0.isFinal }.map { IndexField.state($0) }
    var blocks: Set<Int64> = []
    var directories = try session.ask(fields.map { RedisCommand("ZRANGE", layout.directory($0), "0", "-1") })
    for index in directories.indices {
      for _ in 0..<(try directories[index].array()) { blocks.insert(try directories[index].integer()) }
    }
    var wanted: [(block: Int64, bits: BlockBits)] = []
    var left = blocks.sorted()[...]
    while !left.isEmpty {
      let some = left.prefix(Self.blocksAtOnce)
      left = left.dropFirst(Self.blocksAtOnce)
      for (block, bits) in zip(some, try bits(of: some, fields)) where !bits.isEmpty { wanted.append((block, bits)) }
    }
    var texts = Texts()
    var parts = stride(from: 0, to: wanted.count, by: Self.blocksAtOnce).map {
      wanted[$0..<min($0 + Self.blocksAtOnce, wanted.count)]
    }[...]
    // Redis reads the next rows while these are taken in: a state is loaded when nobody can be served.
    if let first = parts.first { try ask(for: first) }
    while let part = parts.popFirst() {
      if let next = parts.first { try ask(for: next) }
      var rows = try session.receive(part.count)
      for (position, one) in part.enumerated() {
        _ = try rows[position].array()
        for low in one.bits.lows {
          let seq = one.block * Layout.blockSize + Int64(low)
          try add(seq, try rows[position].optionalPacked(), try rows[position].optionalPacked(), &texts, loader)
        }
      }
    }
  }

  /// Which jobs of these blocks have one of the properties.
  private func bits(
    of blocks: ArraySlice<Int64>, _ fields: [IndexField]
  ) throws(RedisFailure) -> [BlockBits] {
    var indexes = try session.ask(
      blocks.map { block in
        var command = RedisCommand("HMGET", layout.index(block))
        for field in fields { command.add(field.name) }
        return command
      })
    var found: [BlockBits] = []
    for position in indexes.indices {
      var bits = BlockBits()
      for _ in 0..<(try indexes[position].array()) {
        if let packed = try indexes[position].optionalPacked() { bits = bits | (try BlockBits(packed)) }
      }
      found.append(bits)
    }
    return found
  }

  private func ask(for part: ArraySlice<(block: Int64, bits: BlockBits)>) throws(RedisFailure) {
    try session.send(
      part.map { block, bits in
        var command = RedisCommand("HMGET", layout.jobs(block))
        for low in bits.lows {
          command.add(low)
          command.add(Int64(low), "s")
        }
        return command
      })
  }

  private func add(
    _ seq: Int64, _ head: PackedReader?, _ standing: PackedReader?, _ texts: inout Texts, _ loader: any StateLoader
  ) throws(RedisFailure) {
    guard var head else { throw .refused("GKTORN job \(seq) is in an index and has no row") }
    let fields = try HeadCodec.fields(&head, &texts)
    var stands: JobStanding?
    if var standing { stands = try StandingCodec.read(&standing) }
    if stands == StandingCodec.first(runAt: fields.runAt, createdAt: fields.createdAt) { stands = nil }
    loader.add(
      LoadedJob(
        seq: seq, chosenID: fields.chosenID, queue: fields.queue, name: fields.name, priority: fields.priority,
        createdAt: fields.createdAt, payloadSize: fields.payloadSize, options: fields.options, standing: stands,
        runAt: fields.runAt))
  }
}

import Jobs

/// Who leads and who is there, by Redis's clock. On a connection of its own, so that a slow write does not keep it from renewing.
final class RedisLeadership: Leadership {
  private let line: RedisLine
  private let known: KnownStore
  private let options: RedisOptions
  private var layout: Layout { known.layout }
  /// A server that was silent for longer is gone.
  private static let silence: Interval = .seconds(10)

  init(_ line: RedisLine, _ known: KnownStore, _ options: RedisOptions) {
    self.line = line
    self.known = known
    self.options = options
  }

  func close() { line.close() }

  func secret() throws(StoreError) -> [UInt8] {
    try line.use(rereads: true) { (_) throws(RedisFailure) in known.secret }
  }

  // MARK: Who is there

  func announce(_ server: ServerRecord) throws(StoreError) {
    try line.use(rereads: true) { (session) throws(RedisFailure) in
      let now = try self.time(session)
      var value: [UInt8] = []
      value.put(server.startedAt)
      value.put(server.workers)
      value.put16(server.address)
      value.put16(server.version)
      var command = RedisCommand("HSET", self.layout.servers, server.id)
      command.add(value)
      _ = try session.ask([
        command, RedisCommand("ZADD", self.layout.seen, String(now.milliseconds), server.id),
      ])
    }
  }

  func leave(_ serverID: String) throws(StoreError) {
    try line.use(rereads: true) { (session) throws(RedisFailure) in
      _ = try session.ask(self.removal(of: [serverID]))
    }
  }

  func servers() throws(StoreError) -> [ServerRecord] {
    try line.use(rereads: true) { (session) throws(RedisFailure) in
      var replies = try session.ask([
        RedisCommand("TIME"), RedisCommand("HGET", self.layout.meta, "leader"),
        RedisCommand("HGETALL", self.layout.servers), RedisCommand("ZRANGE", self.layout.seen, "0", "-1", "WITHSCORES"),
      ])
      let now = try Self.time(&replies[0])
      let leader = try replies[1].optionalString() ?? ""
      var records: [String: PackedReader] = [:]
      for _ in 0..<(try replies[2].array() / 2) {
        let id = try replies[2].string()
        records[id] = try replies[2].packed()
      }
      var servers: [ServerRecord] = []
      var gone: [String] = []
      for _ in 0..<(try replies[3].array() / 2) {
        let id = try replies[3].string()
        let seen = Timestamp(microseconds: try replies[3].integer() * 1000)
        // The clock may have been set back: who comes from the future is not gone.
        if let packed = records[id], now - seen < Self.silence {
          servers.append(try Self.record(id, packed, seen: seen, leads: id == leader))
        } else {
          gone.append(id)
        }
      }
      if !gone.isEmpty { _ = try session.ask(self.removal(of: gone)) }
      return servers.sorted { $0.id < $1.id }
    }
  }

  private func removal(of ids: [String]) -> [RedisCommand] {
    ["HDEL", "ZREM"].map { verb in
      var command = RedisCommand(verb, verb == "HDEL" ? layout.servers : layout.seen)
      for id in ids { command.add(id) }
      return command
    }
  }

  private static func record(
    _ id: String, _ packed: PackedReader, seen: Timestamp, leads: Bool
  ) throws(RedisFailure) -> ServerRecord {
    var reader = packed
    let started = try reader.timestamp()
    let workers = try reader.uint32()
    return ServerRecord(
      id: id, address: try reader.text16(), version: try reader.text16(), startedAt: started, lastSeenAt: seen,
      workers: workers, leads: leads)
  }

  private func time(_ session: RedisSession) throws(RedisFailure) -> Timestamp {
    var reply = try session.ask(RedisCommand("TIME"))
    return try Self.time(&reply)
  }

  private static func time(_ reply: inout RedisReply) throws(RedisFailure) -> Timestamp {
    _ = try reply.array()
    let seconds = try reply.integer()
    return Timestamp(microseconds: seconds * 1_000_000 + (try reply.integer()))
  }

  // MARK: Who leads

  func seek(_ serverID: String, term: Interval) throws(StoreError) -> Leading {
    try line.use { (session) throws(RedisFailure) -> Leading in
      let newest = self.known.newest
      // No replica is asked to confirm it: an epoch that a failover forgets is not given again (see lead.lua), and without replicas a
      // server can still lead to say so to whoever asks.
      let question = RedisCommand(
        "seek", serverID, String(term.microseconds / 1000), String(newest.epoch),
        String(Int64(clamping: newest.number)),
        String(newest.cursor), self.layout.events)
      var (reply, _) = try session.run(.lead, key: self.layout.meta, question)
      _ = try reply.array()
      let isHere = try reply.integer() == 1
      let epoch = UInt32(clamping: try reply.integer())
      let leader = try reply.string()
      let hasLost = try reply.integer() == 1
      guard isHere else {
        self.known.note(epoch: epoch, number: 0, cursor: 0)
        var found = try session.ask(RedisCommand("HGET", self.layout.servers, leader))
        guard let packed = try found.optionalPacked() else { return .elsewhere(serverID: leader, address: "") }
        return .elsewhere(
          serverID: leader, address: try Self.record(leader, packed, seen: .distantPast, leads: true).address)
      }
      self.known.note(epoch: epoch, number: 0, cursor: 0)
      if hasLost {
        self.options.warn(
          "Redis has lost change sets that it had acknowledged (a failover to a replica that lagged, or a restart without AOF): "
            + "events go on at a higher cursor, watchers are told")
      }
      return .here(Epoch(epoch))
    }
  }

  func renew(_ serverID: String, epoch: Epoch) throws(StoreError) {
    try tell("renew", serverID, epoch)
  }

  func resign(_ serverID: String, epoch: Epoch) throws(StoreError) {
    try tell("resign", serverID, epoch)
  }

  private func tell(_ verb: String, _ serverID: String, _ epoch: Epoch) throws(StoreError) {
    try line.use(rereads: true) { (session) throws(RedisFailure) in
      _ = try session.run(.lead, key: self.layout.meta, RedisCommand(verb, serverID, String(epoch.number)))
    }
  }
}

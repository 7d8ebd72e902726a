import Jobs

/// Rows of jobs, and which of them match a query. For the engine and for people alike, each on a connection of its own.
struct RowReader {
  private let session: RedisSession
  private let layout: Layout
  private let salt: UInt32

  init(_ session: RedisSession, _ known: KnownStore) {
    self.session = session
    layout = known.layout
    salt = known.salt
  }

  // MARK: Rows

  func jobs(_ seqs: [Int64], bodies: Bool, carried: Bool = true) throws(RedisFailure) -> [StoredJob?] {
    if seqs.isEmpty { return [] }
    // Rows of one block are asked for together.
    var places: [Int64: [Int]] = [:]
    for (index, seq) in seqs.enumerated() { places[Layout.block(of: seq), default: []].append(index) }
    let blocks = places.sorted { $0.key < $1.key }
    var suffixes = ["", "s"]
    if carried { suffixes.append("c") }
    if bodies { suffixes.append("b") }
    var replies = try session.ask(
      blocks.map { block, indexes in
        var command = RedisCommand("HMGET", layout.jobs(block))
        for index in indexes {
          let low = String(Layout.low(of: seqs[index]))
          for suffix in suffixes { command.add(low + suffix) }
        }
        return command
      })
    var texts = Texts()
    var jobs = [StoredJob?](repeating: nil, count: seqs.count)
    for (position, block) in blocks.enumerated() {
      _ = try replies[position].array()
      for index in block.value {
        let head = try replies[position].optionalPacked()
        let standing = try replies[position].optionalPacked()
        let carried = carried ? try replies[position].optionalPacked() : nil
        let body = bodies ? try replies[position].optionalPacked() : nil
        guard let head else { continue }
        jobs[index] = try job(seqs[index], head, standing, carried, bodies ? .some(body) : nil, &texts)
      }
    }
    return jobs
  }

  private func job(
    _ seq: Int64, _ head: PackedReader, _ standing: PackedReader?, _ carried: PackedReader?, _ body: PackedReader??,
    _ texts: inout Texts
  ) throws(RedisFailure) -> StoredJob {
    var reader = head
    let head = try HeadCodec.head(&reader, seq: seq, salt: salt, &texts)
    var job = StoredJob(head: head, standing: head.untouched)
    if var standing { job.standing = try StandingCodec.read(&standing) }
    if var carried { job.carried = try CarriedCodec.read(&carried) }
    if let body {
      if var body { job.body = try body.rest() } else { job.body = try reader.rest() }
    }
    return job
  }

  /// Numbers of jobs by ids that producers chose.
  func seqs(ids: [String]) throws(RedisFailure) -> [Int64?] {
    if ids.isEmpty { return [] }
    var command = RedisCommand("HMGET", layout.ids)
    for id in ids { command.add(id) }
    var reply = try session.ask(command)
    _ = try reply.array()
    var seqs: [Int64?] = []
    for _ in ids { seqs.append(try reply.optionalString().flatMap { Int64($0) }) }
    return seqs
  }

  /// The job with this id, whoever made it.
  func job(id: String) throws(RedisFailure) -> StoredJob? {
    // A producer may have chosen an id of the form that the server makes.
    for seq in [try seqs(ids: [id])[0], JobID.seq(of: id, salt: salt)] {
      if let seq, let job = try jobs([seq], bodies: true)[0], job.head.job.id == id { return job }
    }
    return nil
  }

  // MARK: Queries

  /// A page of those that match, newest first; looks at a bounded number of rows.
  ///
  /// Every condition is an index: of each block the bits of all conditions are put together, so only rows that match are read.
  func jobs(
    matching query: JobQuery, bodies: Bool, carried: Bool
  ) throws(RedisFailure) -> (jobs: [StoredJob], next: Int64?) {
    let limit = min(max(query.limit, 1), 1000)
    let before = max(0, query.before ?? .max)
    let conditions = Self.conditions(of: query)
    let driving = try narrowest(conditions)
    var jobs: [StoredJob] = []
    var looked = 0
    var top = before == .max ? Int64.max : Layout.block(of: before - 1)
    if before == 0 { return ([], nil) }
    while true {
      let blocks = try blocks(of: driving, upTo: top)
      if blocks.isEmpty { return (jobs, nil) }
      let matching = try bits(of: conditions, in: blocks)
      for (block, bits) in zip(blocks, matching) {
        let base = block * Layout.blockSize
        var seqs = bits.lows.reversed().map { base + Int64($0) }.filter { $0 < before }[...]
        while !seqs.isEmpty {
          // One more than asked for tells whether there is a next page.
          let some = Array(seqs.prefix(min(256, limit + 1 - jobs.count)))
          seqs = seqs.dropFirst(some.count)
          looked += some.count
          for job in try self.jobs(some, bodies: bodies, carried: carried) {
            guard let job, Self.matches(query, job) else { continue }
            if jobs.count == limit { return (jobs, jobs.last?.seq) }
            jobs.append(job)
          }
          if looked >= 4096, let last = some.last { return (jobs, last) }
        }
      }
      guard let lowest = blocks.last, lowest > 0 else { return (jobs, nil) }
      top = lowest - 1
    }
  }

  /// What a row may say otherwise than the index, which was read a moment before.
  private static func matches(_ query: JobQuery, _ job: StoredJob) -> Bool {
    if let time = query.createdBefore, job.head.createdAt >= time { return false }
    return query.states.isEmpty || query.states.contains(job.standing.state)
  }

  /// Each: the properties of which a job must have one.
  private static func conditions(of query: JobQuery) -> [[IndexField]] {
    var conditions: [[IndexField]] = []
    if !query.queue.isEmpty { conditions.append([.queue(query.queue)]) }
    if !query.name.isEmpty { conditions.append([.name(query.name)]) }
    if !query.batchID.isEmpty { conditions.append([.batch(query.batchID)]) }
    if !query.concurrencyKey.isEmpty { conditions.append([.concurrency(query.concurrencyKey)]) }
    if !query.fairnessKey.isEmpty { conditions.append([.fairness(query.fairnessKey)]) }
    if !query.recurringJobID.isEmpty { conditions.append([.recurring(query.recurringJobID)]) }
    if !query.states.isEmpty || conditions.isEmpty {
      let states = query.states.isEmpty ? Set(JobState.allCases) : query.states
      conditions.append(states.sorted { $0.rawValue < $1.rawValue }.map { .state($0) })
    }
    return conditions
  }

  /// The condition that holds in the fewest blocks.
  private func narrowest(_ conditions: [[IndexField]]) throws(RedisFailure) -> [IndexField] {
    guard conditions.count > 1 else { return conditions.first ?? [] }
    let fields = conditions.flatMap { $0 }
    var replies = try session.ask(fields.map { RedisCommand("ZCARD", layout.directory($0)) })
    var counts: [IndexField: Int64] = [:]
    for (index, field) in fields.enumerated() { counts[field] = try replies[index].integer() }
    func count(_ condition: [IndexField]) -> Int64 { condition.reduce(0) { $0 + (counts[$1] ?? 0) } }
    return conditions.min { count($0) < count($1) } ?? []
  }

  private static let blocksAtOnce = 64

  /// The next highest blocks in which a job has one of the properties, falling.
  private func blocks(of fields: [IndexField], upTo top: Int64) throws(RedisFailure) -> [Int64] {
    let highest = top == .max ? "+inf" : String(top)
    var replies = try session.ask(
      fields.map {
        RedisCommand(
          "ZREVRANGEBYSCORE", layout.directory($0), highest, "-inf", "LIMIT", "0", String(Self.blocksAtOnce))
      })
    var blocks: Set<Int64> = []
    // Below the lowest of a directory that has more, others may have blocks that it has not shown yet.
    var floor = Int64.min
    for index in replies.indices {
      let count = try replies[index].array()
      var lowest = Int64.max
      for _ in 0..<count {
        lowest = try replies[index].integer()
        blocks.insert(lowest)
      }
      if count == Self.blocksAtOnce { floor = max(floor, lowest) }
    }
    return blocks.filter { $0 >= floor }.sorted(by: >)
  }

  private func bits(of conditions: [[IndexField]], in blocks: [Int64]) throws(RedisFailure) -> [BlockBits] {
    var replies = try session.ask(
      blocks.map { block in
        var command = RedisCommand("HMGET", layout.index(block))
        for field in conditions.joined() { command.add(field.name) }
        return command
      })
    var result: [BlockBits] = []
    for index in replies.indices {
      _ = try replies[index].array()
      var all: BlockBits?
      for condition in conditions {
        var any = BlockBits()
        for _ in condition {
          if let packed = try replies[index].optionalPacked() { any = any | (try BlockBits(packed)) }
        }
        all = all.map { $0 & any } ?? any
      }
      result.append(all ?? BlockBits())
    }
    return result
  }
}

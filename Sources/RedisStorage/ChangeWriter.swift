import Jobs

/// Change sets as the commands that store them.
struct ChangeWriter {
  private let layout: Layout
  /// The commands, each as its count of words and its words.
  private(set) var words = RedisCommand()
  /// Of stored events, after these.
  private(set) var eventBytes: Int64
  private var cursor: Int64
  private var seq: Int64 = 1
  private var ends: [Int64: [Int64]] = [:]

  init(_ layout: Layout, eventBytes: Int64, cursor: Int64) {
    self.layout = layout
    self.eventBytes = eventBytes
    self.cursor = cursor
  }

  var newestCursor: Int64 { cursor }

  /// Begins a command on a key; so many words are to follow.
  private mutating func command(_ verb: String, _ key: String, words count: Int) {
    words.add(count + 2)
    words.add(verb)
    words.add(key)
  }

  // MARK: Change sets

  mutating func add(_ set: ChangeSet, _ cache: inout BlockCache, _ book: inout EndsBook) {
    for job in set.forgotten { add(job, &cache, &book) }
    // By place: a change that is copied costs as much as one that is written.
    for place in set.jobs.indices { add(set.jobs[place], &cache) }
    add(set.queues, gone: set.forgottenQueues)
    add(set.documents)
    var events = set.events[...]
    while !events.isEmpty {
      add(events.prefix(EventCodec.perEntry))
      events = events.dropFirst(EventCodec.perEntry)
    }
    seq = set.nextSeq
  }

  private mutating func add(_ change: borrowing JobChange, _ cache: inout BlockCache) {
    let head = change.head
    let seq = head.seq
    let block = cache[Layout.block(of: seq)]
    let low = Layout.low(of: seq)
    if change.isNew || change.body != nil {
      let body = change.body ?? []
      let hadLargeBody = block.hasLargeBody(low)
      if !change.isNew { block.clear(low) }
      block.put(low, head.job)
      block.puts.add(low)
      block.puts.add { HeadCodec.put(head, body: body, into: &$0) }
      if body.count > HeadCodec.bodyInside {
        block.put(low, hasLargeBody: true)
        block.puts.add(Int64(low), "b")
        block.puts.add(body)
      } else if hadLargeBody {
        block.removals.add(Int64(low), "b")
      }
      if change.isNew, head.isChosen {
        command("HSET", layout.ids, words: 2)
        words.add(head.job.id)
        words.add(seq)
      }
    }
    let state = change.standing.state
    block.put(low, state)
    if !change.isNew || change.standing != head.untouched {
      let standing = change.standing
      block.puts.add(Int64(low), "s")
      block.puts.add { StandingCodec.put(standing, into: &$0) }
    }
    if let carried = change.carried {
      block.puts.add(Int64(low), "c")
      block.puts.add { CarriedCodec.put(carried, into: &$0) }
    }
    if state.isFinal { ends[change.standing.expires.microseconds, default: []].append(seq) }
    if let unique = head.job.options.unique {
      // Of a job that is not final the state knows by itself.
      if state.isFinal, let until = head.holdsUntil {
        command("ZADD", layout.holds, words: 2)
        words.add(until.microseconds)
        words.add { Self.put(head, unique, into: &$0) }
      } else if !change.isNew, head.holdsUntil != nil || change.body != nil {
        // The one that was replaced with the same key may have held it.
        command("ZREM", layout.holds, words: 1)
        words.add { Self.put(head, unique, into: &$0) }
      }
    }
  }

  private mutating func add(_ gone: ForgottenJob, _ cache: inout BlockCache, _ book: inout EndsBook) {
    let head = gone.head
    let block = cache[Layout.block(of: head.seq)]
    let low = Layout.low(of: head.seq)
    if block.hasLargeBody(low) { block.removals.add(Int64(low), "b") }
    if gone.isReplaced { block.clear(low) } else { block.clear(low, head.job) }
    block.removals.add(low)
    block.removals.add(Int64(low), "s")
    block.removals.add(Int64(low), "c")
    if head.isChosen {
      command("HDEL", layout.ids, words: 1)
      words.add(head.job.id)
    }
    if let unique = head.job.options.unique, unique.holdFor != nil || gone.isReplaced {
      command("ZREM", layout.holds, words: 1)
      words.add { Self.put(head, unique, into: &$0) }
    }
    book.forgotten(head.seq)
  }

  private static func put(_ head: JobHead, _ unique: Uniqueness, into bytes: inout [UInt8]) {
    bytes.put(head.seq)
    bytes.put16(head.job.queue)
    bytes.put16(unique.key)
  }

  private mutating func add(_ queues: [StoredQueue], gone: [String]) {
    // Lua can hand on some thousand words in one call.
    for start in stride(from: 0, to: queues.count, by: 1000) {
      let some = queues[start..<min(start + 1000, queues.count)]
      command("HSET", layout.queues, words: 2 * some.count)
      for queue in some {
        words.add(queue.name)
        words.add { QueueCodec.put(queue, into: &$0) }
      }
    }
    for start in stride(from: 0, to: gone.count, by: 1000) {
      let some = gone[start..<min(start + 1000, gone.count)]
      command("HDEL", layout.queues, words: some.count)
      for name in some { words.add(name) }
    }
  }

  private mutating func add(_ documents: [Document]) {
    for document in documents {
      command(document.bytes == nil ? "HDEL" : "HSET", layout.documents, words: document.bytes == nil ? 1 : 2)
      words.add {
        $0.append(document.kind.rawValue)
        $0.append(contentsOf: document.key.utf8)
      }
      if let bytes = document.bytes { words.add(bytes) }
    }
  }

  private mutating func add(_ events: ArraySlice<Event>) {
    guard let last = events.last else { return }
    cursor = last.cursor
    command("XADD", layout.events, words: 3)
    words.add("\(cursor)-0")
    words.add("e")
    let before = words.bytes.count
    words.add { EventCodec.put(events, into: &$0) }
    eventBytes += Int64(words.bytes.count - before)
  }

  // MARK: The end of a write

  /// What was gathered of the blocks, and what the store then is.
  mutating func finish(_ blocks: [BlockIndex], number: UInt64, finished entries: [[UInt8]]) {
    for block in blocks { add(block) }
    for (time, seqs) in ends.sorted(by: { $0.key < $1.key }) {
      for start in stride(from: 0, to: seqs.count, by: 500) {
        command("ZADD", layout.ends, words: 2)
        words.add(time)
        words.add { bytes in for seq in seqs[start..<min(start + 500, seqs.count)] { bytes.put(seq) } }
      }
    }
    if !entries.isEmpty {
      command("ZREM", layout.ends, words: entries.count)
      for entry in entries { words.add(entry) }
    }
    command("HSET", layout.meta, words: 8)
    words.add("number")
    words.add(Int64(clamping: number))
    words.add("seq")
    words.add(seq)
    words.add("cursor")
    words.add(cursor)
    words.add("bytes")
    words.add(eventBytes)
  }

  private mutating func add(_ block: BlockIndex) {
    let key = layout.jobs(block.number)
    let index = layout.index(block.number)
    defer {
      block.puts.removeAll()
      block.removals.removeAll()
    }
    let changes = block.takeChanges()
    if block.isEmpty {
      words.add(3)
      words.add("UNLINK")
      words.add(key)
      words.add(index)
      for change in changes where change.wasThere { leave(change.field, block.number) }
      return
    }
    add("HSET", key, block.puts, atMost: 3000)
    add("HDEL", key, block.removals, atMost: 3000)
    var set = RedisCommand()
    var gone = RedisCommand()
    for change in changes {
      if !change.bits.isEmpty {
        set.add { change.field.put(into: &$0) }
        set.add { change.bits.put(into: &$0) }
        if change.wasThere { continue }
        command("ZADD", layout.directory(change.field), words: 2)
        words.add(block.number)
        words.add(block.number)
      } else if change.wasThere {
        gone.add { change.field.put(into: &$0) }
        leave(change.field, block.number)
      }
    }
    add("HSET", index, set, atMost: 3000)
    add("HDEL", index, gone, atMost: 3000)
  }

  /// No job of the block has the property any more.
  private mutating func leave(_ field: IndexField, _ block: Int64) {
    command("ZREM", layout.directory(field), words: 1)
    words.add(block)
  }

  /// As many commands as it takes, for Lua can hand on some thousand words in one call.
  private mutating func add(_ verb: String, _ key: String, _ arguments: RedisCommand, atMost limit: Int) {
    for start in stride(from: 0, to: arguments.count, by: limit) {
      let some = start..<min(start + limit, arguments.count)
      command(verb, key, words: some.count)
      words.add(arguments, some)
    }
  }
}

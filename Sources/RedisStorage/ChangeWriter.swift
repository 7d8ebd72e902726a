import Jobs

/// Change sets as the commands that store them.
struct ChangeWriter {
  private let layout: Layout
  /// The command being put together: script, fence and all.
  private(set) var words: [Word] = []
  /// Of stored events, after these.
  private(set) var eventBytes: Int64
  private var cursor: Int64
  private var seq: Int64 = 1
  private var ends: [Int64: [Int64]] = [:]

  enum Word {
    case text(String)
    case bytes([UInt8])
    case number(Int64)
  }

  init(_ layout: Layout, eventBytes: Int64, cursor: Int64) {
    self.layout = layout
    self.eventBytes = eventBytes
    self.cursor = cursor
  }

  var newestCursor: Int64 { cursor }

  private mutating func command(_ words: [Word]) {
    self.words.append(.number(Int64(words.count)))
    self.words.append(contentsOf: words)
  }

  // MARK: Change sets

  mutating func add(_ set: ChangeSet, _ cache: inout BlockCache, _ book: inout EndsBook) {
    for job in set.forgotten { add(job, &cache, &book) }
    for change in set.jobs { add(change, &cache) }
    add(set.queues, gone: set.forgottenQueues)
    add(set.documents)
    var events = set.events[...]
    while !events.isEmpty {
      add(events.prefix(EventCodec.perEntry))
      events = events.dropFirst(EventCodec.perEntry)
    }
    seq = set.nextSeq
  }

  private mutating func add(_ change: JobChange, _ cache: inout BlockCache) {
    let head = change.head
    let standing = change.standing
    let block = cache[Layout.block(of: head.seq)]
    let low = Layout.low(of: head.seq)
    let field = String(low)
    if change.isNew || change.body != nil {
      let body = change.body ?? []
      let hadLargeBody = block.hasLargeBody(low)
      if !change.isNew { block.clear(low) }
      block.put(low, head.job)
      var bytes: [UInt8] = []
      HeadCodec.put(head, body: body, into: &bytes)
      block.puts.append((field, bytes))
      if body.count > HeadCodec.bodyInside {
        block.put(low, hasLargeBody: true)
        block.puts.append((field + "b", body))
      } else if hadLargeBody {
        block.removals.append(field + "b")
      }
      if change.isNew, head.isChosen {
        command([.text("HSET"), .text(layout.ids), .text(head.job.id), .number(head.seq)])
      }
    }
    block.put(low, standing.state)
    if !change.isNew || standing != head.untouched {
      var bytes: [UInt8] = []
      StandingCodec.put(standing, into: &bytes)
      block.puts.append((field + "s", bytes))
    }
    if let carried = change.carried {
      var bytes: [UInt8] = []
      CarriedCodec.put(carried, into: &bytes)
      block.puts.append((field + "c", bytes))
    }
    if standing.state.isFinal {
      ends[standing.expires.microseconds, default: []].append(head.seq)
    }
    if let unique = head.job.options.unique, let until = head.holdsUntil {
      // Of a job that is not final the state knows by itself.
      let member = hold(head, unique)
      if standing.state.isFinal {
        command([.text("ZADD"), .text(layout.holds), .number(until.microseconds), .bytes(member)])
      } else if !change.isNew {
        command([.text("ZREM"), .text(layout.holds), .bytes(member)])
      }
    }
  }

  private mutating func add(_ gone: ForgottenJob, _ cache: inout BlockCache, _ book: inout EndsBook) {
    let head = gone.head
    let block = cache[Layout.block(of: head.seq)]
    let low = Layout.low(of: head.seq)
    let field = String(low)
    if block.hasLargeBody(low) { block.removals.append(field + "b") }
    block.clear(low, head.job)
    block.removals.append(field)
    block.removals.append(field + "s")
    block.removals.append(field + "c")
    if head.isChosen { command([.text("HDEL"), .text(layout.ids), .text(head.job.id)]) }
    if let unique = head.job.options.unique, unique.holdFor != nil {
      command([.text("ZREM"), .text(layout.holds), .bytes(hold(head, unique))])
    }
    book.forgotten(head.seq)
  }

  private func hold(_ head: JobHead, _ unique: Uniqueness) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.put(head.seq)
    bytes.put16(head.job.queue)
    bytes.put16(unique.key)
    return bytes
  }

  private mutating func add(_ queues: [StoredQueue], gone: [String]) {
    // Lua can hand on some thousand words in one call.
    for start in stride(from: 0, to: queues.count, by: 1000) {
      var words: [Word] = [.text("HSET"), .text(layout.queues)]
      for queue in queues[start..<min(start + 1000, queues.count)] {
        var bytes: [UInt8] = []
        QueueCodec.put(queue, into: &bytes)
        words.append(.text(queue.name))
        words.append(.bytes(bytes))
      }
      command(words)
    }
    for start in stride(from: 0, to: gone.count, by: 1000) {
      command([.text("HDEL"), .text(layout.queues)] + gone[start..<min(start + 1000, gone.count)].map { .text($0) })
    }
  }

  private mutating func add(_ documents: [Document]) {
    for document in documents {
      let field = [document.kind.rawValue] + Array(document.key.utf8)
      if let bytes = document.bytes {
        command([.text("HSET"), .text(layout.documents), .bytes(field), .bytes(bytes)])
      } else {
        command([.text("HDEL"), .text(layout.documents), .bytes(field)])
      }
    }
  }

  private mutating func add(_ events: ArraySlice<Event>) {
    guard let last = events.last else { return }
    var bytes: [UInt8] = []
    EventCodec.put(events, into: &bytes)
    eventBytes += Int64(bytes.count)
    cursor = last.cursor
    command([.text("XADD"), .text(layout.events), .text("\(cursor)-0"), .text("e"), .bytes(bytes)])
  }

  // MARK: The end of a write

  /// What was gathered of the blocks, and what the store then is.
  mutating func finish(_ blocks: [BlockIndex], number: UInt64, finished entries: [[UInt8]]) {
    for block in blocks { add(block) }
    for (time, seqs) in ends.sorted(by: { $0.key < $1.key }) {
      for start in stride(from: 0, to: seqs.count, by: 500) {
        let entry = EndsBook.entry(Array(seqs[start..<min(start + 500, seqs.count)]))
        command([.text("ZADD"), .text(layout.ends), .number(time), .bytes(entry)])
      }
    }
    if !entries.isEmpty { command([.text("ZREM"), .text(layout.ends)] + entries.map { .bytes($0) }) }
    command([
      .text("HSET"), .text(layout.meta), .text("number"), .number(Int64(clamping: number)), .text("seq"), .number(seq),
      .text("cursor"), .number(cursor), .text("bytes"), .number(eventBytes),
    ])
  }

  private mutating func add(_ block: BlockIndex) {
    let key = layout.jobs(block.number)
    let index = layout.index(block.number)
    let puts = block.puts
    let removals = block.removals
    block.puts.removeAll(keepingCapacity: true)
    block.removals.removeAll(keepingCapacity: true)
    let changes = block.takeChanges()
    let name = String(block.number)
    if block.isEmpty {
      command([.text("UNLINK"), .text(key), .text(index)])
      for change in changes where change.wasThere {
        command([.text("ZREM"), .text(layout.directory(change.field)), .text(name)])
      }
      return
    }
    for start in stride(from: 0, to: puts.count, by: 1500) {
      var words: [Word] = [.text("HSET"), .text(key)]
      for put in puts[start..<min(start + 1500, puts.count)] {
        words.append(.text(put.field))
        words.append(.bytes(put.value))
      }
      command(words)
    }
    for start in stride(from: 0, to: removals.count, by: 3000) {
      command([.text("HDEL"), .text(key)] + removals[start..<min(start + 3000, removals.count)].map { .text($0) })
    }
    var set: [Word] = [.text("HSET"), .text(index)]
    var gone: [Word] = [.text("HDEL"), .text(index)]
    for change in changes {
      if change.bits.isEmpty {
        if !change.wasThere { continue }
        gone.append(.text(change.field.name))
        command([.text("ZREM"), .text(layout.directory(change.field)), .text(name)])
      } else {
        set.append(.text(change.field.name))
        set.append(.bytes(change.bits.bytes))
        if !change.wasThere {
          command([.text("ZADD"), .text(layout.directory(change.field)), .text(name), .text(name)])
        }
      }
    }
    if set.count > 2 { command(set) }
    if gone.count > 2 { command(gone) }
  }
}

extension RedisCommand {
  mutating func add(_ words: [ChangeWriter.Word]) {
    for word in words {
      switch word {
      case .text(let text): add(text)
      case .bytes(let bytes): add(bytes)
      case .number(let number): add(number)
      }
    }
  }
}

import Jobs

/// What is stored under which key. Every key begins with the prefix; jobs are kept in blocks of 512 by their number.
///
///     m            hash: version, salt, secret; seq (the next job's), cursor (the newest event's), trimmed, bytes (of events);
///                  epoch, number (of the last change set in it), leader, renewed; torn (when a write broke off)
///     j:<block>    hash: of each job its head <n>, its standing <n>s once it has another than its first, what is carried <n>c,
///                  a large body <n>b
///     i:<block>    hash: which jobs of the block have a property, 512 bits each (see IndexField)
///     d:<property> sorted set: the blocks in which a job has it
///     ids          hash: id that a producer chose -> number of the job
///     ends         sorted set: numbers of final jobs, 8 bytes each, by when they are forgotten
///     holds        sorted set: final jobs' unique keys, by until when they are held
///     queues, docs hashes: what is kept of queues, and documents by kind and key
///     ev           stream: the events of a change set in one entry, whose id is the last one's cursor
///     servers      hash: the servers that are there; seen: sorted set of their ids by when they last said so
struct Layout: Sendable {
  static let version = "2"
  static let blockSize: Int64 = 512

  let prefix: String
  let meta: String
  let ids: String
  let ends: String
  let holds: String
  let queues: String
  let documents: String
  let events: String
  let servers: String
  let seen: String

  init(prefix: String) {
    self.prefix = prefix
    meta = prefix + "m"
    ids = prefix + "ids"
    ends = prefix + "ends"
    holds = prefix + "holds"
    queues = prefix + "queues"
    documents = prefix + "docs"
    events = prefix + "ev"
    servers = prefix + "servers"
    seen = prefix + "seen"
  }

  func jobs(_ block: Int64) -> String { prefix + "j:" + String(block) }
  func index(_ block: Int64) -> String { prefix + "i:" + String(block) }
  func directory(_ field: IndexField) -> String { prefix + "d:" + field.name }

  static func block(of seq: Int64) -> Int64 { seq / blockSize }
  static func low(of seq: Int64) -> Int { Int(seq % blockSize) }
}

/// A property of jobs that people look for.
struct IndexField: Hashable, Sendable {
  /// A letter.
  let kind: UInt8
  let value: String

  /// As it is stored: the letter, then the value.
  var name: String { String(UnicodeScalar(kind)) + value }

  func put(into bytes: inout [UInt8]) {
    bytes.append(kind)
    bytes.append(contentsOf: value.utf8)
  }

  init(kind: UInt8, value: String) {
    self.kind = kind
    self.value = value
  }

  /// - Parameter name: as it is stored.
  init(name: String) {
    self.init(kind: name.utf8.first ?? 0, value: String(name.dropFirst()))
  }

  /// Its body is kept in a field of its own.
  static let large = IndexField(kind: UInt8(ascii: "l"), value: "")
  static func queue(_ name: String) -> IndexField { IndexField(kind: UInt8(ascii: "q"), value: name) }
  static func name(_ name: String) -> IndexField { IndexField(kind: UInt8(ascii: "n"), value: name) }
  static func batch(_ id: String) -> IndexField { IndexField(kind: UInt8(ascii: "b"), value: id) }
  static func concurrency(_ key: String) -> IndexField { IndexField(kind: UInt8(ascii: "c"), value: key) }
  static func fairness(_ key: String) -> IndexField { IndexField(kind: UInt8(ascii: "f"), value: key) }
  static func recurring(_ id: String) -> IndexField { IndexField(kind: UInt8(ascii: "r"), value: id) }
  static func state(_ state: JobState) -> IndexField { IndexField(kind: stateKind, value: String(state.rawValue)) }
  static let stateKind = UInt8(ascii: "s")

  /// Of a job's queue, name, batch and keys.
  static func all(of job: NewJob, _ body: (IndexField) -> Void) {
    body(.queue(job.queue))
    body(.name(job.name))
    let options = job.options
    if options === JobOptions.standard { return }
    if !options.batchID.isEmpty { body(.batch(options.batchID)) }
    if !options.concurrencyKey.isEmpty { body(.concurrency(options.concurrencyKey)) }
    if !options.fairnessKey.isEmpty { body(.fairness(options.fairnessKey)) }
    if !options.recurringJobID.isEmpty { body(.recurring(options.recurringJobID)) }
  }
}

/// One bit per job of a block.
struct BlockBits: Equatable {
  private var words = SIMD8<UInt64>(repeating: 0)

  init() {}

  /// 64 bytes, as `bytes` gives them; anything else is empty.
  init(_ reader: PackedReader) throws(RedisFailure) {
    if reader.isEmpty { return }
    var reader = reader
    for index in 0..<8 { words[index] = try reader.uint64() }
  }

  var isEmpty: Bool { words == SIMD8(repeating: 0) }

  subscript(low: Int) -> Bool {
    get { words[low >> 6] >> UInt64(low & 63) & 1 == 1 }
    set {
      if newValue { words[low >> 6] |= 1 << UInt64(low & 63) } else { words[low >> 6] &= ~(1 << UInt64(low & 63)) }
    }
  }

  static func & (a: BlockBits, b: BlockBits) -> BlockBits {
    var both = a
    both.words = a.words & b.words
    return both
  }

  static func | (a: BlockBits, b: BlockBits) -> BlockBits {
    var either = a
    either.words = a.words | b.words
    return either
  }

  func put(into bytes: inout [UInt8]) {
    for index in 0..<8 { bytes.put(words[index]) }
  }

  /// Rising.
  var lows: [Int] {
    var lows: [Int] = []
    for index in 0..<8 {
      var word = words[index]
      while word != 0 {
        lows.append(index << 6 + word.trailingZeroBitCount)
        word &= word - 1
      }
    }
    return lows
  }
}

import Jobs

/// Queues and documents that ticks changed and whose rows in their tables are not up to date yet. They are stored with the tick that changed them,
/// and brought to their tables now and then: a row that is written with every tick would be a thousand dead ones a second, which
/// a database cannot clear away while somebody's transaction is open, and every look at the row would pass them all.
public struct KeptRows {
  /// One tick among those of all leaders.
  public struct Tick: Hashable, Comparable, Sendable {
    public var epoch: Int64
    public var number: Int64

    public init(epoch: Int64, number: Int64) {
      self.epoch = epoch
      self.number = number
    }

    public static func < (a: Tick, b: Tick) -> Bool { (a.epoch, a.number) < (b.epoch, b.number) }
  }

  public enum Key: Hashable, Sendable {
    case queue(String)
    case document(Document.Kind, String)
  }

  public enum Value: Sendable {
    case gone
    case queue(StoredQueue)
    case document([UInt8])
  }

  private var values: [Key: Value] = [:]
  /// By the tick since which the table is behind.
  private var waiting: [(key: Key, since: Tick)] = []
  private var start = 0

  public init() {}

  /// The oldest tick whose record is still needed; nil: the tables are up to date.
  public var oldest: Tick? { start < waiting.count ? waiting[start].since : nil }

  public subscript(key: Key) -> Value? { values[key] }

  public func load(into loader: any StateLoader) {
    for (key, value) in values {
      switch (key, value) {
      case (_, .queue(let queue)): loader.add(queue)
      case (.document(let kind, let key), .document(let bytes)):
        loader.add(Document(kind: kind, key: key, bytes: bytes))
      default: break
      }
    }
  }

  private mutating func set(_ key: Key, _ value: Value, _ tick: Tick) {
    if values.updateValue(value, forKey: key) == nil { waiting.append((key, tick)) }
  }

  /// Takes up what a tick changed.
  public mutating func add(_ change: ChangeSet, _ tick: Tick) {
    for queue in change.queues { set(.queue(queue.name), .queue(queue), tick) }
    for name in change.forgottenQueues { set(.queue(name), .gone, tick) }
    for document in change.documents {
      set(.document(document.kind, document.key), document.bytes.map { .document($0) } ?? .gone, tick)
    }
  }

  /// What is to be brought to the tables of queues and documents.
  public struct Flush {
    public var queues: [StoredQueue] = []
    public var goneQueues: [String] = []
    public var documents: [(kind: Document.Kind, key: String, bytes: [UInt8])] = []
    public var goneDocuments: [(kind: Document.Kind, key: String)] = []
  }

  /// Those whose tables have been behind for longest, at most `limit`; they count as up to date from now on.
  public mutating func take(_ limit: Int) -> Flush {
    let end = min(waiting.count, start + limit)
    var taken = Flush()
    for (key, _) in waiting[start..<end] {
      switch (key, values.removeValue(forKey: key)) {
      case (_, .queue(let queue)): taken.queues.append(queue)
      case (.document(let kind, let key), .document(let bytes)): taken.documents.append((kind, key, bytes))
      case (.queue(let name), _): taken.goneQueues.append(name)
      case (.document(let kind, let key), _): taken.goneDocuments.append((kind, key))
      }
    }
    start = end
    if start > 1024, start > waiting.count / 2 {
      waiting.removeFirst(start)
      start = 0
    }
    return taken
  }

  // MARK: As bytes

  private static let format: UInt8 = 1

  /// nil: the tick changed none.
  public static func bytes(_ change: ChangeSet) -> [UInt8]? {
    if change.queues.isEmpty, change.forgottenQueues.isEmpty, change.documents.isEmpty { return nil }
    var writer = RecordWriter()
    writer.put(format)
    for queue in change.queues {
      writer.put(1 as UInt8)
      writer.put(queue.name)
      writer.put(queue.isPaused ? 1 as UInt8 : 0)
      writer.putVariable(queue.succeeded)
      writer.putVariable(queue.failed)
      writer.putVariable(queue.ended)
      writer.putVariable(queue.dead)
      writer.put(queue.lastUsedAt)
    }
    for name in change.forgottenQueues {
      writer.put(2 as UInt8)
      writer.put(name)
    }
    for document in change.documents {
      writer.put(document.bytes == nil ? 4 as UInt8 : 3)
      writer.put(document.kind.rawValue)
      writer.put(document.key)
      if let bytes = document.bytes { writer.put(bytes) }
    }
    return writer.bytes
  }

  /// Takes up what a tick's record says. - Returns: false: it is damaged.
  public mutating func replay(_ bytes: [UInt8], _ tick: Tick) -> Bool {
    var reader = RecordReader(bytes)
    guard reader.take(UInt8.self) == Self.format else { return false }
    while !reader.isAtEnd {
      let what = reader.take(UInt8.self)
      switch what {
      case 1:
        var queue = StoredQueue(name: reader.takeString())
        queue.isPaused = reader.take(UInt8.self) == 1
        queue.succeeded = reader.takeVariable()
        queue.failed = reader.takeVariable()
        queue.ended = reader.takeVariable()
        queue.dead = reader.takeVariable()
        queue.lastUsedAt = reader.takeTimestamp()
        set(.queue(queue.name), .queue(queue), tick)
      case 2: set(.queue(reader.takeString()), .gone, tick)
      case 3, 4:
        guard let kind = Document.Kind(rawValue: reader.take(UInt8.self)) else { return false }
        let key = reader.takeString()
        set(.document(kind, key), what == 3 ? .document(reader.takeBytes()) : .gone, tick)
      default: return false
      }
      if !reader.isGood { return false }
    }
    return true
  }
}

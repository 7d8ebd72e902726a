import Jobs
import Testing

/// What a storage gave when it was loaded.
public final class LoadedState: StateLoader {
  public struct Hold: Hashable {
    public var queue: String
    public var key: String
    public var seq: Int64
    public var until: Timestamp
  }
  public struct DocumentKey: Hashable {
    public var kind: Document.Kind
    public var key: String
  }
  public private(set) var salt: UInt32 = 0
  public private(set) var nextSeq: Int64 = 0
  public private(set) var lastCursor: Int64 = -1
  public private(set) var lastNumber: UInt64 = 0
  public private(set) var queues: [String: StoredQueue] = [:]
  public private(set) var documents: [DocumentKey: [UInt8]] = [:]
  public private(set) var jobs: [LoadedJob] = []
  public private(set) var chosen: [String: Int64] = [:]
  public private(set) var holds: Set<Hold> = []
  private var hasBegun = false

  public init() {}

  public func begin(salt: UInt32, nextSeq: Int64, lastCursor: Int64, lastNumber: UInt64) {
    #expect(!hasBegun, "begun once")
    hasBegun = true
    self.salt = salt
    self.nextSeq = nextSeq
    self.lastCursor = lastCursor
    self.lastNumber = lastNumber
  }

  public func add(_ queue: StoredQueue) {
    #expect(hasBegun && jobs.isEmpty && queues[queue.name] == nil, "queues come first, each once")
    queues[queue.name] = queue
  }

  public func add(_ document: Document) {
    let key = DocumentKey(kind: document.kind, key: document.key)
    #expect(hasBegun && jobs.isEmpty && documents[key] == nil, "documents come first, each once")
    documents[key] = document.bytes
  }

  public func add(_ job: LoadedJob) {
    #expect(job.seq > jobs.last?.seq ?? 0, "jobs come by rising seq")
    jobs.append(job)
  }

  public func addChosen(id: String, seq: Int64) {
    #expect(chosen[id] == nil)
    chosen[id] = seq
  }

  public func addHold(queue: String, key: String, seq: Int64, until: Timestamp) {
    holds.insert(Hold(queue: queue, key: key, seq: seq, until: until))
  }
}

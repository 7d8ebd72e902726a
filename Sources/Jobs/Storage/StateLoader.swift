/// Takes in what a storage holds when the state is loaded. In this order: `begin`, queues and documents in any order, then jobs by
/// rising seq, then chosen ids and held keys in any order.
public protocol StateLoader: AnyObject {
  /// - Parameters:
  ///   - salt: 28 bits of the storage's own, part of every id that is made.
  ///   - nextSeq: the seq of the next new job.
  ///   - lastCursor: of the newest event; no lower than any that was ever shown.
  ///   - lastNumber: of the last change set in this epoch; 0: none yet.
  func begin(salt: UInt32, nextSeq: Int64, lastCursor: Int64, lastNumber: UInt64)

  func add(_ queue: StoredQueue)
  func add(_ document: Document)

  /// Every job that is not final.
  func add(_ job: LoadedJob)

  /// So many chosen ids come at most, from a storage that knows: there is room for them at once.
  func expectChosen(_ count: Int)

  /// Every chosen id, also of final jobs.
  func addChosen(id: String, seq: Int64)

  /// A unique key that a final job still holds.
  func addHold(queue: String, key: String, seq: Int64, until: Timestamp)
}

extension StateLoader {
  public func expectChosen(_ count: Int) {}
}

/// What the state keeps of a job: no more is read at the start.
public struct LoadedJob: Sendable {
  public var seq: Int64
  /// nil: made from seq and `createdAt`.
  public var chosenID: String?
  /// A storage that gives the same string again and again saves the state a look-up.
  public var queue: String
  public var name: String
  public var priority: Int8
  public var createdAt: Timestamp
  public var payloadSize: Int
  public var options: JobOptions
  /// nil: as it was enqueued, for `runAt`.
  public var standing: JobStanding?
  public var runAt: Timestamp

  public init(
    seq: Int64, chosenID: String?, queue: String, name: String, priority: Int8, createdAt: Timestamp, payloadSize: Int,
    options: JobOptions, standing: JobStanding?, runAt: Timestamp
  ) {
    self.seq = seq
    self.chosenID = chosenID
    self.queue = queue
    self.name = name
    self.priority = priority
    self.createdAt = createdAt
    self.payloadSize = payloadSize
    self.options = options
    self.standing = standing
    self.runAt = runAt
  }
}

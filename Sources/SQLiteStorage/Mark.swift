import Jobs

/// How far the stored state goes: written with every batch.
struct Mark: Equatable, Sendable {
  /// Of the last change set, within its epoch.
  var number: UInt64 = 0
  var nextSeq: Int64 = 1
  /// Of the newest event.
  var lastCursor: Int64 = 0
  /// No cursor above was ever shown: durable before one is.
  var reservedCursor: Int64 = 0
  /// Of the last record of the log that is applied to the database.
  var applied: UInt64 = 0
  /// Drawn at every opening. The log's records say theirs, so that nothing else, not even what a job's payload may hold, is taken for one.
  var life: UInt64 = 0
  /// Nobody has it open: nothing is in the log only.
  var isClosed = true

  func write(to writer: inout ByteWriter) {
    writer.putVariable(number)
    writer.putSigned(nextSeq)
    writer.putSigned(lastCursor)
    writer.putSigned(reservedCursor)
    writer.putVariable(applied)
    writer.put(life)
    writer.put(isClosed ? 1 as UInt8 : 0)
  }

  /// As it is after a change set.
  mutating func take(_ change: ChangeSet) {
    number = change.number
    nextSeq = change.nextSeq
    if let last = change.events.last { lastCursor = max(lastCursor, last.cursor) }
  }

  /// As a record of the log says it.
  func written(applied: UInt64, life: UInt64) -> Mark {
    var mark = self
    mark.applied = applied
    mark.life = life
    mark.isClosed = false
    return mark
  }

  init(nextSeq: Int64 = 1, lastCursor: Int64 = 0) {
    self.nextSeq = nextSeq
    self.lastCursor = lastCursor
    reservedCursor = lastCursor
  }

  init(_ reader: inout ByteReader) {
    number = reader.takeVariable()
    nextSeq = reader.takeSigned()
    lastCursor = reader.takeSigned()
    reservedCursor = reader.takeSigned()
    applied = reader.takeVariable()
    life = reader.take(UInt64.self)
    isClosed = reader.take(UInt8.self) == 1
  }
}

/// The `rec` column of `queues`.
enum QueueCodec {
  static func write(_ queue: StoredQueue, to writer: inout ByteWriter) {
    writer.put(queue.isPaused ? 1 as UInt8 : 0)
    writer.putVariable(queue.succeeded)
    writer.putVariable(queue.failed)
    writer.putVariable(queue.ended)
    writer.putVariable(queue.dead)
    writer.put(queue.lastUsedAt.microseconds)
  }

  static func read(_ reader: inout ByteReader, name: String) -> StoredQueue {
    var queue = StoredQueue(name: name)
    queue.isPaused = reader.take(UInt8.self) != 0
    queue.succeeded = reader.takeVariable()
    queue.failed = reader.takeVariable()
    queue.ended = reader.takeVariable()
    queue.dead = reader.takeVariable()
    queue.lastUsedAt = Timestamp(microseconds: reader.take(Int64.self))
    return queue
  }
}

enum Damage {
  static func job(_ seq: Int64, _ path: String) -> StoreError { of("job number \(seq)", path) }

  static func of(_ what: String, _ path: String) -> StoreError {
    StoreError(.unusable, "the embedded store \(path) is damaged: \(what) cannot be read")
  }
}

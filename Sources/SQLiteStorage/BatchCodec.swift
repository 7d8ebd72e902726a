import Jobs

/// Change sets as one record of the log; read back as a batch.
///
///     mark, varint count of jobs, jobs, varint count of queues, queues, varint count of documents, documents, packed events
///
/// Of the same job, queue or document the later entry counts. Heads and standings are as in their columns, but without checksums of their
/// own: the record has one. Logs of earlier versions have them all the same; they are passed over.
enum BatchCodec {
  private struct Flags: OptionSet {
    let rawValue: UInt8
    static let new = Flags(rawValue: 1)
    static let gone = Flags(rawValue: 2)
    static let body = Flags(rawValue: 4)
    static let carried = Flags(rawValue: 8)
  }

  static func write(
    _ changes: [ChangeSet], _ events: PackedEvents, _ mark: Mark, to writer: inout ByteWriter
  ) {
    mark.write(to: &writer)
    writer.putVariable(UInt64(changes.reduce(0) { $0 + $1.forgotten.count + $1.jobs.count }))
    for change in changes {
      for gone in change.forgotten {
        writer.putVariable(UInt64(gone.head.seq))
        writer.put(Flags.gone.rawValue)
        writer.put(gone.state.rawValue)
      }
      for index in change.jobs.indices { write(change.jobs, index, to: &writer) }
    }
    writer.putVariable(UInt64(changes.reduce(0) { $0 + $1.queues.count + $1.forgottenQueues.count }))
    for change in changes {
      for queue in change.queues {
        writer.put(queue.name)
        writer.put(1 as UInt8)
        QueueCodec.write(queue, to: &writer)
      }
      for name in change.forgottenQueues {
        writer.put(name)
        writer.put(0 as UInt8)
      }
    }
    writer.putVariable(UInt64(changes.reduce(0) { $0 + $1.documents.count }))
    for change in changes {
      for document in change.documents {
        writer.put(document.kind.rawValue)
        writer.put(document.key)
        writer.put(document.bytes == nil ? 0 as UInt8 : 1)
        if let bytes = document.bytes { writer.put(bytes) }
      }
    }
    events.write(to: &writer)
  }

  /// Field by field, by place: to take the change out of the array costs as much as to write it.
  private static func write(_ jobs: [JobChange], _ index: Int, to writer: inout ByteWriter) {
    let head = jobs[index].head
    let body = jobs[index].body
    let carried = jobs[index].carried
    var flags: Flags = []
    if jobs[index].isNew { flags.insert(.new) }
    if body != nil { flags.insert(.body) }
    if carried != nil { flags.insert(.carried) }
    writer.putVariable(UInt64(head.seq))
    writer.put(flags.rawValue)
    // Else the database has it.
    if jobs[index].isNew || body != nil { writer.putBlock { HeadCodec.writeUnsummed(head, bodySum: 0, to: &$0) } }
    writer.putBlock { StateCodec.writeUnsummed(jobs[index].standing, hasCarried: false, keys: nil, to: &$0) }
    if let body { writer.put(body) }
    if let carried { CarriedCodec.write(carried, to: &writer) }
  }

  /// - Parameter stored: what the rows of a job are before it.
  static func read(
    _ reader: inout ByteReader, salt: UInt32, stored: (Int64) throws(StoreError) -> (JobHead, JobFlags)
  ) throws(StoreError) -> Batch {
    var batch = Batch(from: Mark(&reader))
    var left = reader.takeVariable()
    while left > 0, reader.isGood {
      left -= 1
      try readJob(&reader, salt: salt, into: &batch, stored: stored)
    }
    left = reader.takeVariable()
    while left > 0, reader.isGood {
      left -= 1
      let name = reader.takeString()
      let isThere = reader.take(UInt8.self) == 1
      if isThere { batch.put(QueueCodec.read(&reader, name: name)) } else { batch.forget(name) }
    }
    left = reader.takeVariable()
    while left > 0, reader.isGood {
      left -= 1
      let kind = Document.Kind(rawValue: reader.take(UInt8.self))
      if kind == nil { reader.markDamaged() }
      let key = reader.takeString()
      let isThere = reader.take(UInt8.self) == 1
      batch.put(Document(kind: kind ?? .setting, key: key, bytes: isThere ? reader.takeBytes() : nil))
    }
    batch.add(PackedEvents(&reader))
    return batch
  }

  private static func readJob(
    _ reader: inout ByteReader, salt: UInt32, into batch: inout Batch,
    stored: (Int64) throws(StoreError) -> (JobHead, JobFlags)
  ) throws(StoreError) {
    let seq = Int64(truncatingIfNeeded: reader.takeVariable())
    let flags = Flags(rawValue: reader.take(UInt8.self))
    let isNew = flags.contains(.new)
    let known = batch.job(seq)
    let rows = isNew || known != nil ? nil : try stored(seq)
    var head = known?.head ?? rows?.0
    if flags.contains(.gone) {
      let state = JobState(rawValue: reader.take(UInt8.self))
      if state == nil { reader.markDamaged() }
      if let head { batch.forget(ForgottenJob(head: head, state: state ?? .dead)) { _ in rows?.1 } }
      return
    }
    if isNew || flags.contains(.body) {
      head = reader.takeBlock { HeadCodec.read(&$0, seq: seq, isSummed: false) }.head(salt: salt)
    }
    let standing = reader.takeBlock { StateCodec.read(&$0, isSummed: false).standing }
    let body = flags.contains(.body) ? reader.takeBytes() : nil
    let carried = flags.contains(.carried) ? CarriedCodec.read(&reader) : nil
    guard let head else { return reader.markDamaged() }
    let change = JobChange(head: head, standing: standing, isNew: isNew, body: body, carried: carried)
    batch.put([change], 0) { _ in rows?.1 }
  }
}

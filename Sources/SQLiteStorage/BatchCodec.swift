import Jobs

/// A batch as a record of the log.
///
///     mark, varint count of jobs, jobs, varint count of queues, queues, varint count of documents, documents, runs of events
enum BatchCodec {
  private struct Flags: OptionSet {
    let rawValue: UInt8
    static let new = Flags(rawValue: 1)
    static let gone = Flags(rawValue: 2)
    static let body = Flags(rawValue: 4)
    static let carried = Flags(rawValue: 8)
    static let hasCarried = Flags(rawValue: 16)
  }

  static func write(_ batch: borrowing Batch, salt: UInt32, to writer: inout ByteWriter) {
    batch.mark.write(to: &writer)
    writer.putVariable(UInt64(batch.jobs.count))
    for (_, job) in batch.jobs { write(job, to: &writer) }
    writer.putVariable(UInt64(batch.queues.count))
    for (name, queue) in batch.queues {
      writer.put(name)
      writer.put(queue == nil ? 0 as UInt8 : 1)
      if let queue { QueueCodec.write(queue, to: &writer) }
    }
    writer.putVariable(UInt64(batch.documents.count))
    for (key, bytes) in batch.documents {
      writer.put(key.kind.rawValue)
      writer.put(key.key)
      writer.put(bytes == nil ? 0 as UInt8 : 1)
      if let bytes { writer.put(bytes) }
    }
    var rest = batch.events[...]
    while let first = rest.first {
      let run = zip(rest, first.cursor...).prefix { $0.cursor == $1 }.count
      writer.putVariable(UInt64(run))
      writer.putSigned(first.cursor)
      var codec = EventCodec(salt: salt)
      for event in rest.prefix(run) { codec.write(event, to: &writer) }
      rest = rest.dropFirst(run)
    }
    writer.putVariable(0)
  }

  private static func write(_ job: Batch.Job, to writer: inout ByteWriter) {
    var flags: Flags = []
    if job.isNew { flags.insert(.new) }
    if job.isGone { flags.insert(.gone) }
    if job.body != nil { flags.insert(.body) }
    if job.carried != nil { flags.insert(.carried) }
    if job.hasCarried { flags.insert(.hasCarried) }
    writer.putVariable(UInt64(job.head.seq))
    writer.put(flags.rawValue)
    // Else the database has it.
    if job.isNew || job.body != nil { writer.putBlock { HeadCodec.write(job.head, bodySum: 0, to: &$0) } }
    writer.putBlock { StateCodec.write(job.standing, hasCarried: job.hasCarried, keys: nil, to: &$0) }
    if let body = job.body { writer.put(body) }
    if let carried = job.carried { CarriedCodec.write(carried, to: &writer) }
  }

  /// - Parameter stored: what the rows of a job are before it.
  static func read(
    _ reader: inout ByteReader, salt: UInt32, stored: (Int64) throws(StoreError) -> (JobHead, JobFlags)
  ) throws(StoreError) -> Batch {
    var batch = Batch(from: Mark(&reader))
    var left = reader.takeVariable()
    while left > 0, reader.isGood {
      left -= 1
      let seq = Int64(truncatingIfNeeded: reader.takeVariable())
      let flags = Flags(rawValue: reader.take(UInt8.self))
      let isNew = flags.contains(.new)
      let known = isNew ? nil : try stored(seq)
      var head = known?.0
      if isNew || flags.contains(.body) {
        head = reader.takeBlock { HeadCodec.read(&$0, seq: seq) }.head(salt: salt)
      }
      let standing = reader.takeBlock { StateCodec.read(&$0).standing }
      let body = flags.contains(.body) ? reader.takeBytes() : nil
      let carried = flags.contains(.carried) ? CarriedCodec.read(&reader) : nil
      guard let head else { continue }
      let job = Batch.Job(
        JobChange(head: head, standing: standing, isNew: isNew, body: body, carried: carried),
        stored: known?.1 ?? .none)
      job.hasCarried = flags.contains(.hasCarried)
      job.isGone = flags.contains(.gone)
      batch.add(job)
    }
    left = reader.takeVariable()
    while left > 0, reader.isGood {
      left -= 1
      let name = reader.takeString()
      let isThere = reader.take(UInt8.self) == 1
      batch.add(name, isThere ? QueueCodec.read(&reader, name: name) : nil)
    }
    left = reader.takeVariable()
    while left > 0, reader.isGood {
      left -= 1
      let kind = Document.Kind(rawValue: reader.take(UInt8.self))
      if kind == nil { reader.markDamaged() }
      let key = reader.takeString()
      let isThere = reader.take(UInt8.self) == 1
      batch.add(Document(kind: kind ?? .setting, key: key, bytes: isThere ? reader.takeBytes() : nil))
    }
    while reader.isGood {
      let run = reader.takeVariable()
      if run == 0 { break }
      var cursor = reader.takeSigned()
      var codec = EventCodec(salt: salt)
      for _ in 0..<run where reader.isGood {
        batch.add(codec.read(&reader, cursor: cursor))
        cursor += 1
      }
    }
    return batch
  }
}

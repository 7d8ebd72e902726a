import Glibc
import Jobs

/// The durable record of what was written: two files in turn, each written over when the database file itself holds all of it.
final class Log {
  static func name(_ index: Int) -> String { "gkick.log.\(index)" }

  private let directory: StoreDirectory
  private let size: Int64
  private var segments: [LogSegment] = []
  private var active = 0
  private let life: UInt64
  private(set) var number: UInt64
  private var synced: UInt64
  private var bytes = ByteWriter(capacity: 1 << 16)
  /// nil: all is written in the ordinary way.
  private let writer = DirectWriter()
  var pace = WritePace()
  /// In seconds.
  private let clock: () -> Double
  /// When what is written without waiting was begun.
  private var began = 0.0
  /// For tests: what syncing and writing give instead of being done.
  var syncFault: StoreError?
  var writeFault: StoreError?

  /// Begins a log anew: what was in it is in the database file.
  /// - Parameters:
  ///   - number: of the last record of the lives before.
  ///   - clock: a test's; else the monotonic one.
  init(
    _ directory: StoreDirectory, life: UInt64, after number: UInt64, size: Int64,
    clock: @escaping () -> Double = monotonicSeconds
  ) throws(StoreError) {
    self.size = size
    self.clock = clock
    self.directory = directory
    self.life = life
    self.number = number
    synced = number
    for index in 0..<2 {
      segments.append(try LogSegment(path: directory.path + "/" + Self.name(index), size: size, writer))
    }
    // A synced file can be gone after a power loss as long as the folder that names it is not synced.
    try directory.sync()
  }

  var isDirty: Bool { synced < number }

  /// Writes change sets as the next record.
  /// - Parameters:
  ///   - mark: as it is after them, with this record's number and life.
  ///   - durable: the newest record that the database file holds.
  func append(
    _ changes: [ChangeSet], _ events: PackedEvents, _ mark: Mark, durable: UInt64
  ) throws(StoreError) {
    if let writeFault { throw writeFault }
    encode(changes, events, mark)
    segments[active].prepare()
    try makeRoom(durable)
    let place = segments[active].end
    do throws(StoreError) {
      try segments[active].append(bytes)
    } catch {
      segments[active].takeBack(from: place)
      throw error
    }
    number += 1
    segments[active].last = number
  }

  private func encode(_ changes: [ChangeSet], _ events: PackedEvents, _ mark: Mark) {
    bytes.clear()
    bytes.put(0 as UInt32)
    bytes.put(0 as UInt32)
    bytes.put(number + 1)
    bytes.put(synced)
    bytes.put(life)
    BatchCodec.write(changes, events, mark, to: &bytes)
    bytes.patch(UInt32(bytes.count - LogRecord.headerSize), at: 4)
    bytes.patch(bytes.checksum(from: 4), at: 0)
    // Outside of the checksum.
    while bytes.count % 8 != 0 { bytes.put(0 as UInt8) }
  }

  // MARK: Without waiting

  /// Begins to write and to sync change sets as the next record.
  /// - Parameters:
  ///   - mark: as it is after them, with this record's number and life.
  ///   - notice: made by `async_io_notice`, told when it is done; then comes `finish`.
  /// - Returns: false: not now; nothing was begun.
  func begin(_ changes: [ChangeSet], _ events: PackedEvents, _ mark: Mark, notice: Int32) -> Bool {
    // What was written before and is not synced would not be synced with it.
    let now = clock()
    guard let writer, !writer.isUnderWay, pace.isUnattended(at: now), !isDirty, writeFault == nil, syncFault == nil
    else { return false }
    encode(changes, events, mark)
    switch segments[active].begin(bytes, writer, size: size, notice: notice) {
    case .begun:
      began = now
      return true
    case .unfit: return false
    case .refused:
      pace.refused(at: now)
      return false
    }
  }

  /// How what was begun stands. One that has failed is no record: the next takes its place.
  func finish(waits: Bool) -> DirectWriter.Outcome {
    var outcome = writer?.finish(waits: waits) ?? .failed
    if case .written = outcome, syncFault != nil { outcome = .failed }
    switch outcome {
    case .underWay: break
    case .failed:
      segments[active].noteFailed()
      pace.refused(at: clock())
    case .written:
      let now = clock()
      pace.wrote(in: now - began, at: now)
      number += 1
      synced = number
      segments[active].noteWritten(bytes.count, number: number)
    }
    return outcome
  }

  var lastSize: Int { bytes.count }

  /// Goes over to the other file when this one is full and all of the other is in the database file; else this one grows.
  private func makeRoom(_ durable: UInt64) throws(StoreError) {
    let other = 1 - active
    guard segments[active].end + Int64(bytes.count) > size, segments[other].last <= durable else { return }
    try sync()
    segments[other].restart(size: size)
    active = other
  }

  /// Undoes the last `append`, whose sync failed.
  func takeBack() {
    segments[active].takeBack(from: segments[active].end - Int64(bytes.count))
    number -= 1
    segments[active].last = number
  }

  func sync() throws(StoreError) {
    guard isDirty else { return }
    if let syncFault { throw syncFault }
    let start = clock()
    try segments[active].sync()
    synced = number
    let now = clock()
    pace.threadWrote(in: now - start, at: now)
  }

  // MARK: After a crash

  /// What the files hold of a life.
  struct Contents {
    struct Record {
      var record: LogRecord
      var segment: Int
    }
    var bytes: [[UInt8]] = []
    /// By number.
    var records: [UInt64: Record] = [:]
    /// Numbers of what looks like records that began to be written, or were damaged. What is left of older ones may look so too, with any
    /// number.
    var broken: Set<UInt64> = []
    var isMissing = false
    var isCut = false
  }

  static func read(_ directory: StoreDirectory, life: UInt64, size: Int64) -> Contents {
    var contents = Contents()
    for index in 0..<2 {
      let found = directory.size(of: name(index))
      contents.isMissing = contents.isMissing || found == nil
      contents.isCut = contents.isCut || (found ?? Int(size)) < size
      let bytes = directory.start(of: name(index), count: found ?? 0)
      var place = 0
      while place + LogRecord.headerSize <= bytes.count {
        switch LogRecord.at(place, in: bytes, life: life) {
        case .record(let record):
          contents.records[record.number] = Contents.Record(record: record, segment: index)
          place = record.next
        case .broken(let number):
          contents.broken.insert(number)
          place += 8
        case .none: place += 8
        }
      }
      contents.bytes.append(bytes)
    }
    return contents
  }
}

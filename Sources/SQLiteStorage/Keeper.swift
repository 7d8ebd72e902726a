import Glibc
import Jobs

/// What the storage's thread works with: the fence, the log, and what to do when the disk fails.
final class Keeper {
  private let directory: StoreDirectory
  private let overlay: Overlay
  private let catalogue: Catalogue
  private let salt: UInt32
  private let logSize: Int64
  private var log: Log
  private var epoch = Epoch(0)
  /// As of the last change set written; nil: the last writing failed, so what is stored says it.
  private var mark: Mark?
  private var life: UInt64
  private var scratch = ByteWriter(capacity: 1 << 14)
  /// A sync failed: nothing says which part of the log is on disk.
  private var isBroken = false
  private var healedAt = -1.0
  private var begun: Begun?
  /// The files as they were opened: somebody may remove them while they are open, and what is written then is found by nobody.
  private var databaseFile: StoreDirectory.Identity?
  private var logFiles: [StoreDirectory.Identity?] = []
  /// The database is not where it was.
  private var gone: StoreError?

  /// How far ahead cursors are reserved: a write that has to be synced for it comes once in so many events.
  private static let cursorsReserved: Int64 = 100_000

  init(_ database: Database, _ overlay: Overlay, _ catalogue: Catalogue, _ logSize: Int64) throws(StoreError) {
    self.logSize = logSize
    directory = database.directory
    salt = database.salt
    self.overlay = overlay
    self.catalogue = catalogue
    epoch = try database.epoch()
    (log, life) = try Self.begin(database, try database.mark(), overlay, logSize)
    mark = try database.mark()
    databaseFile = directory.identity(of: "gkick.db")
    logFiles = Self.logFiles(directory)
  }

  private static func logFiles(_ directory: StoreDirectory) -> [StoreDirectory.Identity?] {
    (0..<2).map { directory.identity(of: Log.name($0)) }
  }

  /// Whether the files are still where they were. Without its database the store takes nothing until that is back; a log is made anew, of what is in memory.
  func look(_ guarded: Guarded) throws(StoreError) {
    guard directory.identity(of: "gkick.db") == databaseFile else {
      let what =
        "\(directory.path)/gkick.db was removed or replaced while the server has it open: put it back, or end the server and restore a backup"
      // For whoever writes: it may be put back.
      gone = StoreError(.unavailable, what)
      throw StoreError(.unusable, what)
    }
    gone = nil
    guard begun == nil, Self.logFiles(directory) != logFiles else { return }
    isBroken = true
    try heal(guarded)
  }

  /// A new life, of which the database is to hear when it has its first record: so a log without any is known to be damaged.
  private static func begin(
    _ database: Database, _ mark: Mark, _ overlay: Overlay, _ logSize: Int64
  ) throws(StoreError) -> (Log, UInt64) {
    let life = UInt64.random(in: 1...UInt64.max)
    let log = try Log(database.directory, life: life, after: mark.applied, size: logSize)
    let begun = mark.written(applied: mark.applied + 1, life: life)
    try log.append([], PackedEvents(), begun, durable: mark.applied)
    try log.sync()
    try database.durably { () throws(StoreError) in try database.put(begun) }
    overlay.noteDurable(begun.applied)
    return (log, life)
  }

  private var deposed: StoreError { Self.deposed(directory) }

  static func deposed(_ directory: StoreDirectory) -> StoreError {
    StoreError(.deposed, "the store \(directory.path) is led by another: nothing was written")
  }

  func beginEpoch(_ guarded: Guarded) throws(StoreError) -> Epoch {
    try heal(guarded)
    try overlay.settle()
    let last = epoch
    (epoch, mark) = try guarded.locked { database throws(StoreError) in
      var next = last
      try database.durably { () throws(StoreError) in next = try database.beginEpoch(after: last) }
      return (next, try database.mark())
    }
    overlay.noteDurable(log.number)
    return epoch
  }

  func load(_ epoch: Epoch, _ guarded: Guarded, into loader: any StateLoader) throws(StoreError) {
    guard epoch == self.epoch else { throw deposed }
    if gone != nil { try? look(guarded) }
    if let gone { throw gone }
    try heal(guarded)
    try overlay.settle()
    let known = mark
    mark = try guarded.locked { database throws(StoreError) in
      let mark: Mark
      if let known { mark = known } else { mark = try database.mark() }
      try database.load(mark, catalogue, into: loader)
      return mark
    }
  }

  /// What change sets come to.
  private struct Prepared {
    var mark: Mark
    var mustSync: Bool
    /// Nothing of them is to be stored.
    var isEmpty: Bool
  }

  private func prepare(_ changes: [ChangeSet], _ epoch: Epoch) throws(StoreError) -> Prepared {
    guard epoch == self.epoch, let mark else { throw deposed }
    if let gone { throw gone }
    var new = mark
    for change in changes {
      guard change.number == new.number + 1 else { throw deposed }
      new.take(change)
    }
    let isEmpty = new.nextSeq == mark.nextSeq && changes.allSatisfy(\.hasNothingToWrite)
    var mustSync = changes.contains { $0.durability == .synced }
    if !isEmpty {
      if new.lastCursor > new.reservedCursor {
        new.reservedCursor = new.lastCursor + Self.cursorsReserved
        mustSync = true
      }
      new = new.written(applied: log.number + 1, life: life)
    }
    return Prepared(mark: new, mustSync: mustSync, isEmpty: isEmpty)
  }

  private func pack(_ changes: [ChangeSet]) -> PackedEvents {
    var events = PackedEvents()
    for change in changes { events.add(change, salt: salt, scratch: &scratch) }
    return events
  }

  func write(_ changes: [ChangeSet], _ epoch: Epoch, _ guarded: Guarded) throws(StoreError) {
    try heal(guarded)
    let prepared = try prepare(changes, epoch)
    if prepared.isEmpty {
      // Nothing to write, but an earlier relaxed write may be what these change sets' answers rest on.
      if prepared.mustSync { try sync() }
      mark = prepared.mark
      return
    }
    try overlay.makeRoom()
    let events = pack(changes)
    do throws(StoreError) {
      try log.append(changes, events, prepared.mark, durable: overlay.durable)
    } catch {
      mark = nil
      throw error
    }
    if prepared.mustSync {
      do throws(StoreError) {
        try log.sync()
      } catch {
        log.takeBack()
        mark = nil
        isBroken = true
        throw error
      }
    }
    mark = prepared.mark
    overlay.add(changes, events, prepared.mark, bytes: log.lastSize, catalogue)
  }

  // MARK: Without waiting

  /// Change sets that are being written and synced.
  private struct Begun {
    var changes: [ChangeSet]
    var events: PackedEvents
    var mark: Mark
  }

  /// See `UnattendedWriter`. Nothing that may have to wait: no healing, no going over to the log's other file.
  func begin(_ changes: [ChangeSet], _ epoch: Epoch, notice: Int32) -> Bool {
    guard !isBroken, begun == nil, overlay.hasRoom, let prepared = try? prepare(changes, epoch), !prepared.isEmpty,
      prepared.mustSync
    else { return false }
    let events = pack(changes)
    guard log.begin(changes, events, prepared.mark, notice: notice) else { return false }
    begun = Begun(changes: changes, events: events, mark: prepared.mark)
    return true
  }

  func finish(waits: Bool) -> UnattendedOutcome {
    guard let begun else { return .notStored }
    switch log.finish(waits: waits) {
    case .underWay: return .underWay
    case .failed:
      self.begun = nil
      return .notStored
    case .written:
      self.begun = nil
      mark = begun.mark
      overlay.add(begun.changes, begun.events, begun.mark, bytes: log.lastSize, catalogue)
      return .stored
    }
  }

  func sync() throws(StoreError) {
    do throws(StoreError) {
      try log.sync()
    } catch {
      isBroken = true
      mark = nil
      throw error
    }
  }

  /// After a failed sync nothing says which part of the log is on disk. What was written is still in memory or in the database: all of it
  /// is brought into the database file, and only when that is synced the store goes on, with a log made anew. Tried at most once a second.
  private func heal(_ guarded: Guarded) throws(StoreError) {
    guard isBroken else { return }
    let now = monotonicSeconds()
    guard healedAt < 0 || now >= healedAt + 1 else {
      throw StoreError(.unavailable, "the embedded store could not write to its disk; trying again within a second")
    }
    healedAt = now
    try overlay.settle()
    let number = log.number
    let faults = (log.syncFault, log.writeFault)
    if let fault = faults.0 { throw fault }
    let (overlay, logSize) = (overlay, logSize)
    (log, life, mark) = try guarded.locked { database throws(StoreError) in
      var mark = try database.mark()
      mark.applied = number
      mark.isClosed = true
      let closed = mark
      try database.checkpoint(truncate: true)
      try database.durably { () throws(StoreError) in try database.put(closed) }
      for index in 0..<2 { unsafe unlink(database.directory.path + "/" + Log.name(index)) }
      let (log, life) = try Self.begin(database, closed, overlay, logSize)
      return (log, life, try database.mark())
    }
    (log.syncFault, log.writeFault) = faults
    logFiles = Self.logFiles(directory)
    isBroken = false
    healedAt = -1
  }

  /// All is in the database file; nothing is in the log only.
  func close(_ guarded: Guarded) throws(StoreError) {
    let number = log.number
    try guarded.locked { database throws(StoreError) in
      var mark = try database.mark()
      guard mark.applied >= number else {
        throw StoreError(.unavailable, "not all of the log is in the database yet; it will be at the next start")
      }
      mark.isClosed = true
      let new = mark
      try database.durably { () throws(StoreError) in try database.put(new) }
    }
  }

  /// For tests: what syncing and writing the log give instead of being done; nil: nothing.
  func injectFaults(sync: StoreError? = nil, write: StoreError? = nil) {
    log.syncFault = sync
    log.writeFault = write
  }

  /// For tests: see `WritePace.isTireless`.
  func neverRest() { log.pace.isTireless = true }
}

extension ChangeSet {
  /// What was taken out of an inbox is not looked at: this storage has none.
  fileprivate var hasNothingToWrite: Bool {
    jobs.isEmpty && forgotten.isEmpty && queues.isEmpty && forgottenQueues.isEmpty && documents.isEmpty
      && events.isEmpty
  }
}

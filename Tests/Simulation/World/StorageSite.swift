import Foundation
import Jobs
import MemoryStorage
import SQLiteStorage
import Synchronization
import Unsteady

/// How a server's storage, or its way to it, feels. Used by one thread.
final class Mood: @unchecked Sendable {
  /// Of a hundred calls, how many fail.
  var failing = 0
  /// The engine decides: it should wait for no row.
  var isDeciding = false
  /// How often it did.
  private(set) var readInLine = 0
  private var random: SeededGenerator

  init(seed: UInt64) { random = SeededGenerator(seed: seed) }

  func next(_ call: UnsteadyStorage.Call) -> UnsteadyStorage.Fault? {
    if isDeciding, call == .rows { readInLine += 1 }
    guard failing > 0, call != .reader, random.chance(failing) else { return nil }
    if call != .write { return .fails(.unavailable) }
    return random.chance(50) ? .fails(.full) : random.chance(50) ? .isInDoubt : .isHalfInDoubt
  }

  /// For calls that do not go through the storage.
  func check(_ call: UnsteadyStorage.Call) throws(StoreError) {
    if next(call) != nil { throw StoreError(.unavailable, "as the test wants it") }
  }
}

/// Where the storage is: in memory, shared by all servers or one's own, or in a folder.
final class StorageSite {
  /// The world's clock for those who ask from elsewhere.
  final class Time: @unchecked Sendable {
    var now = World.beginning
  }

  let time = Time()
  let isShared: Bool
  let retention: Interval
  private let memory: MemoryStorage?
  private let folder: String?
  private var embedded: Replaceable?

  init(_ plan: World.Plan) throws {
    isShared = plan.kind == .several
    retention = plan.isLong ? .days(20) : .days(30_000)
    let events = EventRetention(age: .days(30_000), bytes: .max)
    guard plan.kind == .embedded else {
      let time = time
      var clock: (@Sendable () -> Timestamp)?
      if isShared { clock = { time.now } }
      // Epochs as those of a storage that servers share, so that cursors do not rest on what it remembers.
      memory = MemoryStorage(
        retention: events, salt: 77, remembersUnsynced: true, firstEpoch: 1 << 26, clock: clock)
      folder = nil
      return
    }
    memory = nil
    let folder =
      NSTemporaryDirectory()
      + "gkick-simulation-\(ProcessInfo.processInfo.processIdentifier)-\(plan.seed)"
    self.folder = folder
    try? FileManager.default.removeItem(atPath: folder)
    embedded = try Replaceable(folder)
  }

  var leadership: (any Leadership)? { memory?.leadership }
  var reader: any JobReader {
    if let memory { return memory.reader }
    return embedded?.reader ?? NoReader()
  }

  func makeStorage(_ mood: Mood) -> any Storage {
    let inner: any Storage
    if let memory {
      inner = memory
    } else if let embedded {
      inner = embedded
    } else {
      inner = MemoryStorage()
    }
    let storage = UnsteadyStorage(inner)
    storage.plan { mood.next($0) }
    return storage
  }

  /// What a server sent and nobody waits for any more may still arrive.
  var takesLateWrites: Bool { isShared }

  /// What was not synced is gone; a process that ends takes nothing of a file with it. - Returns: the cursors of the events that are gone.
  func losePower() -> ClosedRange<Int64>? { memory?.losePower() }

  func crash(_ host: Host) {
    do { try embedded?.crash() } catch { fatalError("the store cannot be opened again: \(error)") }
  }

  func end() {
    guard let folder else { return }
    try? embedded?.close()
    embedded = nil
    try? FileManager.default.removeItem(atPath: folder)
  }
}

private final class NoReader: JobReader {
  func job(id: String) throws(StoreError) -> JobRecord? { nil }
  func jobs(_ query: JobQuery) throws(StoreError) -> JobPage { JobPage(jobs: [], next: nil) }
  func events(after cursor: Int64, limit: Int) throws(StoreError) -> EventPage {
    .events([], next: cursor)
  }
}

/// An embedded storage whose process ends now and then. Its files are whole then: what becomes of torn ones is told by the tests of the storage.
private final class Replaceable: Storage, @unchecked Sendable {  // Used by one thread.
  private var storage: SQLiteStorage
  private let path: String

  init(_ path: String) throws(StoreError) {
    self.path = path
    do {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    } catch {
      throw StoreError(.unusable, "\(error)")
    }
    storage = try Self.open(path)
  }

  private static func open(_ path: String) throws(StoreError) -> SQLiteStorage {
    try SQLiteStorage.open(
      path: path, retention: EventRetention(age: .days(30_000), bytes: .max), salt: 77)
  }

  func crash() throws(StoreError) {
    try storage.close()
    storage = try Self.open(path)
  }

  var kind: String { storage.kind }
  var rows: any RowSource { storage.rows }
  var reader: any JobReader { storage.reader }
  func beginEpoch() throws(StoreError) -> Epoch { try storage.beginEpoch() }
  func load(_ epoch: Epoch, into loader: any StateLoader) throws(StoreError) {
    try storage.load(epoch, into: loader)
  }
  func write(_ changes: [ChangeSet], epoch: Epoch) throws(StoreError) {
    try storage.write(changes, epoch: epoch)
  }
  func sync() throws(StoreError) { try storage.sync() }
  func tidy(now: Timestamp) throws(StoreError) -> Timestamp { try storage.tidy(now: now) }
  func close() throws(StoreError) { try storage.close() }
}

import CAsyncIO
import Glibc
import Jobs
import Support
import Testing
import Unsteady

@testable import SQLiteStorage

/// Change sets that are written and synced while no thread waits for it.
@Suite struct UnattendedTests {
  private let folder = TemporaryFolder()
  private var path: String { folder.path + "/store" }
  private let storage: SQLiteStorage
  private let epoch: Epoch
  private let notice: Int32

  init() throws {
    storage = try SQLiteStorage.small(path: folder.path + "/store", salt: 5)
    epoch = try storage.beginEpoch()
    try storage.load(epoch, into: LoadedState())
    // On a busy machine every disk is slow now and then.
    try storage.locked { $0.neverRest() }
    notice = storage.makeNotice()
  }

  private func change(_ number: UInt64, _ durability: Durability = .synced, body: Int = 100) -> ChangeSet {
    .oneJob(number, durability, body: body)
  }

  /// - Returns: false: it was not begun.
  private func writeUnattended(_ change: ChangeSet) -> Bool {
    guard storage.begin([change], epoch: epoch, notice: notice) else { return false }
    return storage.finish(waits: true) == .stored
  }

  private func cursors(_ storage: SQLiteStorage) throws -> [Int64] {
    guard case .events(let events, _) = try storage.reader.events(after: 0, limit: 10_000) else { return [] }
    return events.map(\.cursor)
  }

  /// The store as a crash would leave it now, opened and loaded.
  private func crashed() throws -> SQLiteStorage {
    let copy = folder.path + "/crashed"
    try storage.freeze { try TemporaryFolder.copy(path, to: copy) }
    let again = try SQLiteStorage.small(path: copy)
    try again.load(try again.beginEpoch(), into: LoadedState())
    return again
  }

  @Test func itTellsWhenItIsStored() throws {
    try #require(storage.begin([change(1)], epoch: epoch, notice: notice))
    #expect(!storage.begin([change(2)], epoch: epoch, notice: notice), "one at a time")
    var poll = pollfd(fd: notice, events: Int16(POLLIN), revents: 0)
    #expect(Glibc.poll(&poll, 1, 10_000) == 1)
    var times: UInt64 = 0
    #expect(read(notice, &times, 8) == 8 && times == 1)
    #expect(storage.finish(waits: false) == .stored)
    #expect(try storage.reader.jobs(JobQuery()).jobs.map(\.job.id) == ["j1"])
    #expect(storage.finish(waits: true) == .notStored, "nothing is under way")
    let again = try crashed()
    #expect(try cursors(again) == [1])
    #expect(again.openFindings.isEmpty)
    try again.close()
    try storage.close()
  }

  /// Both ways of writing, in turn and at random, over and over the log's two files.
  @Test func bothWaysOfWritingKeepTheirOrder() throws {
    let path = folder.path + "/long"
    let storage = try SQLiteStorage(path: path, retention: EventRetention(), salt: 5, bootID: 1, logSize: 1 << 20)
    try storage.locked { $0.neverRest() }
    var epoch = try storage.beginEpoch()
    try storage.load(epoch, into: LoadedState())
    let seed = UInt64.random(in: 0 ... .max)
    var random = SeededGenerator(seed: seed)
    var unattended = 0
    for number in 1...1_200 as ClosedRange<UInt64> {
      // An epoch counts anew.
      let change = ChangeSet.oneJob(
        (number - 1) % 300 + 1, body: Int.random(in: 0...1_000, using: &random), seq: number)
      if random.chance(50), storage.begin([change], epoch: epoch, notice: notice),
        storage.finish(waits: true) == .stored
      {
        unattended += 1
      } else {
        try storage.write([change], epoch: epoch)
      }
      // So that the log's files are written over.
      if number % 300 == 0 {
        epoch = try storage.beginEpoch()
        try storage.load(epoch, into: LoadedState())
      }
    }
    #expect(unattended > 100, "seed \(seed)")
    let copy = folder.path + "/crashed"
    try storage.freeze { try TemporaryFolder.copy(path, to: copy) }
    let again = try SQLiteStorage.small(path: copy)
    #expect(again.openFindings.isEmpty)
    #expect(try cursors(again) == Array(1...1_200))
    try again.close()
    try storage.close()
  }

  /// It would not be synced by it.
  @Test func whatIsNotSyncedYetKeepsItFromBeingBegun() throws {
    try storage.write([change(1)], epoch: epoch)
    try storage.write([change(2, .relaxed)], epoch: epoch)
    #expect(!storage.begin([change(3)], epoch: epoch, notice: notice))
    try storage.sync()
    #expect(writeUnattended(change(3)))
    #expect(!storage.begin([change(4, .relaxed)], epoch: epoch, notice: notice), "it asks for no sync")
    try storage.write([change(4, .relaxed)], epoch: epoch)
    try storage.close()
  }

  @Test func whatIsNotTheNextChangeIsRefused() throws {
    #expect(!storage.begin([change(2)], epoch: epoch, notice: notice))
    #expect(!storage.begin([change(1)], epoch: Epoch(epoch.number + 1), notice: notice))
    #expect(!storage.begin([], epoch: epoch, notice: notice))
    #expect(!storage.begin([change(1, body: 100_000)], epoch: epoch, notice: notice), "too large")
    #expect(writeUnattended(change(1)))
    try storage.close()
  }

  /// What was begun is written again in the ordinary way, and is there once.
  @Test func whatFailsIsWrittenAgain() throws {
    #expect(writeUnattended(change(1)))
    try #require(storage.begin([change(2)], epoch: epoch, notice: notice))
    try storage.locked { $0.injectFaults(sync: StoreError(.unavailable, "as the test wants it")) }
    #expect(storage.finish(waits: true) == .notStored)
    try storage.locked { $0.injectFaults() }
    #expect(try cursors(storage) == [1])
    try storage.write([change(2), change(3)], epoch: epoch)
    try storage.write([change(4)], epoch: epoch)
    let again = try crashed()
    #expect(again.openFindings.isEmpty)
    #expect(try cursors(again) == [1, 2, 3, 4])
    try again.close()
    try storage.close()
  }

  /// A sync that failed leaves the log in doubt: it is healed by a thread that may wait.
  @Test func aBrokenLogIsNotWrittenTo() throws {
    try storage.locked { $0.injectFaults(sync: StoreError(.unavailable, "as the test wants it")) }
    #expect(throws: StoreError.self) { try storage.write([change(1)], epoch: epoch) }
    try storage.locked { $0.injectFaults() }
    #expect(!storage.begin([change(1)], epoch: epoch, notice: notice))
    try storage.load(epoch, into: LoadedState())
    #expect(writeUnattended(change(1)))
    try storage.close()
  }

  /// It waits for what is under way before its memory goes.
  @Test func itMayBeClosedMeanwhile() throws {
    #expect(storage.begin([change(1)], epoch: epoch, notice: notice))
    #expect(storage.finish(waits: true) == .stored)
    try storage.close()
    let again = try SQLiteStorage.small(path: path)
    #expect(try cursors(again) == [1])
    try again.close()
  }

  /// Where the file system has no such writes all is written in the ordinary way.
  @Test func memoryFileSystemsDoWithout() throws {
    let path = "/dev/shm/gkick-test-\(getpid())-\(UInt32.random(in: 0 ... .max))"
    defer { TemporaryFolder.remove(path) }
    let storage = try SQLiteStorage.small(path: path)
    let epoch = try storage.beginEpoch()
    try storage.load(epoch, into: LoadedState())
    if !storage.begin([change(1)], epoch: epoch, notice: notice) || storage.finish(waits: true) != .stored {
      try storage.write([change(1)], epoch: epoch)
    }
    #expect(try cursors(storage) == [1])
    try storage.close()
  }

  /// What the kernel says at the end, and that it says it at all.
  @Test func theKernelRefusesWhatIsNotOnABoundaryOfBlocks() throws {
    let writer = try #require(DirectWriter())
    let file = folder.path + "/piece"
    try TemporaryFolder.write(Array(repeating: 0, count: 8_192), to: file)
    let direct = async_io_open_direct(file)
    defer { close(direct) }
    let block = try #require(writer.block(of: direct))
    var piece = ByteWriter()
    piece.put(7 as UInt64)
    let whole = writer.begin(piece, to: direct, at: 4_096, block: block, notice: notice)
    try #require(whole == .begun)
    let second = writer.begin(piece, to: direct, at: 4_096, block: block, notice: notice)
    #expect(second == .unfit, "one at a time")
    #expect(writer.finish(waits: true) == .written)
    let shifted = writer.begin(piece, to: direct, at: 1, block: block, notice: notice)
    if shifted == .begun { #expect(writer.finish(waits: true) == .failed) } else { #expect(shifted == .refused) }
    try storage.close()
  }

  /// Each way tells the pace how long it took, and the pace is asked.
  @Test func theLogTakesTheQuickerWay() throws {
    try storage.close()
    var now = 100.0
    let directory = try StoreDirectory(path: folder.path + "/log")
    let log = try Log(directory, life: 7, after: 0, size: 1 << 20) { now }
    var mark = Mark()
    /// Without waiting, which takes 5 ms, if it may be; else on this thread, which takes no time by this clock.
    func write() throws -> Bool {
      mark = mark.written(applied: log.number + 1, life: 7)
      if log.begin([], PackedEvents(), mark, notice: notice) {
        now += 0.005
        #expect(log.finish(waits: true) == .written)
        return true
      }
      try log.append([], PackedEvents(), mark, durable: 0)
      try log.sync()
      return false
    }
    for _ in 1...WritePace.sample { #expect(try write()) }
    for _ in 1...2 * WritePace.sample { #expect(try !write()) }
    now += WritePace.shortest
    #expect(try write())
  }
}

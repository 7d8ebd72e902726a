import Glibc
import Jobs
import Support
import Testing

@testable import SQLiteStorage

/// What a crash, a power failure or an accident may leave of a store's files.
@Suite struct DamageTests {
  private let folder = TemporaryFolder()
  private var path: String { folder.path + "/store" }
  private let now = Timestamp(seconds: 1_700_000_000)

  /// Writes jobs "j1", "j2" ..., a change set each, and then leaves the files as a crash would.
  private func crashed(_ count: Int, relaxedFrom: Int = .max, filled: Int = 0) throws {
    let live = folder.path + "/live"
    let storage = try SQLiteStorage.small(path: live, salt: 5)
    let epoch = try storage.beginEpoch()
    try storage.load(epoch, into: LoadedState())
    // Nothing goes into the database but when it is said: the files are as after the last change set.
    for number in 1...count {
      if number == filled + 1 {
        try storage.overlay.settle()
        try storage.database.locked { $0.applyFault = 10 }
      }
      var change = ChangeSet(number: UInt64(number), now: now, durability: number < relaxedFrom ? .synced : .relaxed)
      let head = JobHead(
        seq: Int64(number), job: NewJob(id: "j\(number)", name: "a", runAt: now), isChosen: true, createdAt: now)
      change.jobs = [
        JobChange(head: head, standing: head.untouched, isNew: true, body: Array(repeating: 7, count: 300))
      ]
      change.events = [Event(cursor: Int64(number), kind: .enqueued, at: now, jobID: head.job.id)]
      change.nextSeq = Int64(number) + 1
      try storage.write([change], epoch: epoch)
    }
    if filled >= count { try storage.overlay.settle() }
    try storage.freeze { try TemporaryFolder.copy(live, to: path) }
    try storage.database.locked { $0.applyFault = 0 }
    try storage.close()
  }

  /// How many jobs there are, which must be the first ones, and what was found.
  private func reopened(bootID: Int64 = 1) throws -> (jobs: Int, findings: [String], lastCursor: Int64) {
    let storage = try SQLiteStorage.small(path: path, bootID: bootID)
    let state = LoadedState()
    try storage.load(try storage.beginEpoch(), into: state)
    #expect(state.jobs.map(\.seq) == Array(1...Int64(max(1, state.jobs.count))).prefix(state.jobs.count).map { $0 })
    try checkStory(storage)
    try storage.close()
    // Told once: afterwards all is well.
    let again = try SQLiteStorage.small(path: path)
    #expect(again.openFindings.isEmpty)
    try again.close()
    return (state.jobs.count, storage.openFindings, state.lastCursor)
  }

  private func change(_ name: String, _ body: (inout [UInt8]) -> Void) throws {
    var bytes = try TemporaryFolder.read(path + "/" + name)
    body(&bytes)
    try TemporaryFolder.write(bytes, to: path + "/" + name)
  }

  /// The places of the records in the log's first file.
  private func records() throws -> [Range<Int>] {
    let bytes = try TemporaryFolder.read(path + "/" + Log.name(0))
    let directory = try StoreDirectory(path: path)
    defer { directory.release() }
    let database = try Database(directory, salt: nil, EventRetention())
    let contents = Log.read(directory, life: try database.mark().life, size: Int64(bytes.count))
    let ranges = contents.records.values.sorted { $0.record.number < $1.record.number }.map(\.record.range)
    return ranges
  }

  @Test(arguments: [0, 20, 50]) func allIsThereAfterACrash(filled: Int) throws {
    try crashed(50, filled: filled)
    let found = try reopened()
    #expect(found.jobs == 50 && found.findings.isEmpty && found.lastCursor == 50)
  }

  /// SQLite's own log holds nothing that the log of change sets does not.
  @Test(arguments: ["removed", "emptied", "cut", "flipped"]) func withoutSQLitesLogNothingIsLost(how: String) throws {
    try crashed(50, filled: 50)
    let name = "gkick.db-wal"
    #expect(try TemporaryFolder.read(path + "/" + name).count > 10_000)
    switch how {
    case "removed": unlink(path + "/" + name)
    case "emptied": try change(name) { $0 = [] }
    case "cut": try change(name) { $0.removeLast($0.count / 2) }
    default: try change(name) { $0[$0.count / 2] ^= 8 }
    }
    let found = try reopened()
    #expect(found.jobs == 50 && found.findings.isEmpty)
  }

  @Test func aFlippedBitInTheLogIsToldWithTheCount() throws {
    try crashed(50)
    let place = try records()[31].lowerBound + 40
    try change(Log.name(0)) { $0[place] ^= 1 }
    let found = try reopened()
    // The first record begins the life and holds no job.
    #expect(found.jobs == 30)
    #expect(found.findings.count == 1 && found.findings[0].contains("20 writes that were acknowledged"))
  }

  @Test func aFlippedBitInTheNewestRecordIsTold() throws {
    try crashed(50)
    let place = try records()[50].lowerBound + 40
    try change(Log.name(0)) { $0[place] ^= 1 }
    let found = try reopened()
    #expect(found.jobs == 49 && found.findings.count == 1 && found.findings[0].contains("is not whole"))
  }

  @Test(arguments: ["removed", "emptied", "cut", "zeroed"]) func aLogThatIsGoneIsTold(how: String) throws {
    try crashed(50, filled: 10)
    switch how {
    case "removed": unlink(path + "/" + Log.name(0))
    case "emptied": try change(Log.name(0)) { $0 = [] }
    case "cut": try change(Log.name(0)) { $0.removeLast($0.count - 5_000) }
    default: try change(Log.name(0)) { $0 = Array(repeating: 0, count: $0.count) }
    }
    let found = try reopened()
    #expect(found.jobs < 50 && found.jobs >= 10 && !found.findings.isEmpty)
  }

  @Test(arguments: [true, false]) func aDatabaseThatIsGoneBesideItsLogIsRefused(isRemoved: Bool) throws {
    try crashed(20)
    if isRemoved { unlink(path + "/gkick.db") } else { try change("gkick.db") { $0 = [] } }
    do {
      _ = try SQLiteStorage.small(path: path)
      Issue.record("opened")
    } catch let error as StoreError {
      #expect(error.kind == .unusable && error.message.contains("gkick.db"))
    }
    #expect(try !TemporaryFolder.read(path + "/" + Log.name(0)).isEmpty)
  }

  /// A power failure may leave any of what was not synced. Each record is torn at each of many places.
  @Test func aPowerFailureLeavesWholeChangeSetsAndNoCursorTwice() throws {
    try crashed(40, relaxedFrom: 31)
    let bytes = try TemporaryFolder.read(path + "/" + Log.name(0))
    let records = try records()
    let kept = folder.path + "/kept"
    try TemporaryFolder.copy(path, to: kept)
    var random = SeededGenerator(seed: 3)
    var counts: Set<Int> = []
    for _ in 0..<25 {
      TemporaryFolder.remove(path)
      try TemporaryFolder.copy(kept, to: path)
      var torn = bytes
      // Blocks of the disk after what was synced, the last of which is record 30: each there or not.
      var place = records[30].upperBound
      while place < torn.count {
        let end = min(torn.count, (place / 512 + 1) * 512)
        if random.chance(30) { for index in place..<end { torn[index] = 0 } }
        place = end
      }
      try TemporaryFolder.write(torn, to: path + "/" + Log.name(0))
      let found = try reopened(bootID: 2)
      #expect(found.jobs >= 30 && found.jobs <= 40)
      // Cursors up to 40 were shown.
      #expect(found.lastCursor >= 40)
      #expect(!found.findings.contains { $0.contains("acknowledged") })
      counts.insert(found.jobs)
    }
    #expect(counts.count > 3, "it was torn at different places")
  }

  @Test func aLogOfAnotherLifeIsNotTakenForThisOnes() throws {
    try crashed(20)
    let old = try TemporaryFolder.read(path + "/" + Log.name(0))
    #expect(try reopened().jobs == 20)
    // As if a copy of the log had been put back.
    try TemporaryFolder.write(old, to: path + "/" + Log.name(0))
    #expect(try reopened().jobs == 20)
  }
}

import CSQLite
import Glibc
import Jobs
import Support
import Testing

@testable import SQLiteStorage

@Suite struct OpeningTests {
  private let folder = TemporaryFolder()
  private var path: String { folder.path + "/store" }

  private func open() throws -> SQLiteStorage { try SQLiteStorage.small(path: path, salt: 5) }

  private func refusal(_ path: String) -> StoreError? {
    do {
      try SQLiteStorage.small(path: path).close()
      return nil
    } catch {
      return error as? StoreError
    }
  }

  /// All files of the store but those that only say who holds it.
  private func files() throws -> [String: [UInt8]] {
    var files: [String: [UInt8]] = [:]
    for name in TemporaryFolder.names(in: path) where name != "lock" && !name.hasSuffix("-shm") {
      files[name] = try TemporaryFolder.read(path + "/" + name)
    }
    return files
  }

  @Test func aSecondServerIsKeptOutAlsoWithoutTheLockFile() throws {
    let storage = try open()
    #expect(refusal(path)?.kind == .locked)
    unlink(path + "/lock")
    #expect(refusal(path)?.kind == .locked)
    try storage.close()
    #expect(refusal(path) == nil)
  }

  /// What is left knows that there was one.
  @Test(arguments: [false, true]) func aStoreOfWhichOnlyTheLockFileIsLeftIsNotBegunAnew(hasEmptyDatabase: Bool) throws {
    try open().close()
    let lock = try TemporaryFolder.read(path + "/lock")
    for name in TemporaryFolder.names(in: path) where name != "lock" { unlink(path + "/" + name) }
    if hasEmptyDatabase { try TemporaryFolder.write([], to: path + "/gkick.db") }
    for _ in 0..<2 {
      let error = refusal(path)
      #expect(error?.kind == .unusable && error?.message.contains("a store was here") == true)
      #expect(TemporaryFolder.names(in: path).sorted() == (hasEmptyDatabase ? ["gkick.db", "lock"] : ["lock"]))
      #expect(try TemporaryFolder.read(path + "/lock") == lock)
    }
    unlink(path + "/lock")
    #expect(refusal(path) == nil)
    // Nor does it matter that there is none, for who puts a database back.
    unlink(path + "/lock")
    #expect(refusal(path) == nil)
    #expect(try TemporaryFolder.read(path + "/lock") != lock && !TemporaryFolder.read(path + "/lock").isEmpty)
  }

  @Test func theFolderIsForItsOwnerAlone() throws {
    try open().close()
    var status = stat()
    #expect(stat(path, &status) == 0 && status.st_mode & 0o777 == 0o700)
  }

  @Test func aFileInPlaceOfTheFolderIsRefused() throws {
    try TemporaryFolder.write([1], to: path)
    #expect(refusal(path)?.kind == .unusable)
  }

  @Test func aForeignDatabaseIsRefusedAndLeftAsItIs() throws {
    mkdir(path, 0o700)
    let foreign = try Connection(path: path + "/gkick.db", readOnly: false)
    foreign.leaveAsItIs()
    try foreign.execute("PRAGMA journal_mode = WAL; CREATE TABLE theirs(x); INSERT INTO theirs VALUES(1)")
    let before = try files()
    #expect(before["gkick.db-wal"]?.isEmpty == false)
    #expect(refusal(path)?.kind == .unusable)
    #expect(try files() == before)
  }

  @Test(arguments: [true, false]) func aNewerFormatIsRefusedAndLeftAsItIs(isInLog: Bool) throws {
    try open().close()
    let newer = try Connection(path: path + "/gkick.db", readOnly: false)
    newer.leaveAsItIs()
    try newer.execute("PRAGMA user_version = 99")
    if !isInLog { try newer.execute("PRAGMA wal_checkpoint(TRUNCATE)") }
    let before = try files()
    let error = refusal(path)
    #expect(error?.kind == .unusable && error?.message.contains("newer") == true)
    #expect(try files() == before)
  }

  @Test func rubbishIsRefusedAndLeftAsItIs() throws {
    mkdir(path, 0o700)
    for text in [
      "This is no database at all, but it is long enough to be one. " + String(repeating: "x", count: 99), "short",
    ] {
      try TemporaryFolder.write(Array(text.utf8), to: path + "/gkick.db")
      let error = refusal(path)
      #expect(error?.kind == .unusable && error?.message.contains(path) == true)
      #expect(try TemporaryFolder.read(path + "/gkick.db") == Array(text.utf8))
    }
  }

  /// As a process does that was forked off meanwhile and has not got to its exec.
  @Test func aReleasedFolderIsFreeThoughSomebodyStillHasTheDescriptors() throws {
    let directory = try StoreDirectory(path: path)
    var copies: [Int32] = []
    defer { for copy in copies { close(copy) } }
    for descriptor in TemporaryFolder.names(in: "/proc/self/fd").compactMap({ Int32($0) }) {
      var buffer = [CChar](repeating: 0, count: 4_096)
      let count = readlink("/proc/self/fd/\(descriptor)", &buffer, buffer.count)
      let target = String(decoding: buffer[..<max(0, count)].map { UInt8(bitPattern: $0) }, as: UTF8.self)
      if target == path || target == path + "/lock" { copies.append(dup(descriptor)) }
    }
    #expect(copies.count >= 2)
    directory.release()
    try StoreDirectory(path: path).release()
  }

  @Test func damagedRecordsAreToldNotTrapped() throws {
    let storage = try open()
    let epoch = try storage.beginEpoch()
    let now = Timestamp(seconds: 1_700_000_000)
    var change = ChangeSet(number: 1, now: now, durability: .synced)
    for seq in 1...20 as ClosedRange<Int64> {
      let head = JobHead(seq: seq, job: NewJob(id: "j\(seq)", name: "a"), isChosen: true, createdAt: now)
      var standing = head.untouched
      if seq < 10 { standing.state = .running }
      change.jobs.append(JobChange(head: head, standing: standing, isNew: true, body: [1]))
    }
    change.nextSeq = 21
    try storage.write([change], epoch: epoch)
    // One that is closed, and one as a crash leaves it, whose log has more to be taken in.
    let crashed = folder.path + "/crashed"
    try storage.overlay.settle()
    try storage.database.locked { database throws(StoreError) in
      try database.checkpoint(truncate: false)
      database.applyFault = SQLITE_FULL
    }
    var later: ChangeSet = .oneJob(2, body: 5_000, seq: 21)
    later.jobs += (22...60 as ClosedRange<Int64>).flatMap { ChangeSet.oneJob(2, body: 5_000, seq: UInt64($0)).jobs }
    later.nextSeq = 61
    try storage.write([later], epoch: epoch)
    try storage.freeze { try TemporaryFolder.copy(path, to: crashed) }
    try storage.database.locked { $0.applyFault = 0 }
    try storage.close()
    for (index, sql) in [
      "UPDATE jobs SET head = substr(head, 1, 0) WHERE seq = 15",
      "UPDATE jobs SET head = substr(head, 1, 20) WHERE seq = 5",
      "UPDATE jobs SET head = CAST(substr(head, 1, 20) || 'x' || substr(head, 22) AS BLOB) WHERE seq = 15",
      "UPDATE states SET rec = substr(rec, 1, 0) WHERE seq = 5",
      "UPDATE states SET rec = substr(rec, 1, 9) WHERE seq = 5",
      "UPDATE states SET rec = CAST(substr(rec, 1, 5) || 'x' || substr(rec, 7) AS BLOB) WHERE seq = 5",
      "DELETE FROM jobs WHERE seq = 5", "UPDATE queues SET rec = x'' WHERE name = ''",
    ].enumerated() {
      for (kind, store) in [path, crashed].enumerated() {
        let copy = folder.path + "/copy-\(index)-\(kind)"
        try TemporaryFolder.copy(store, to: copy)
        do {
          let connection = try Connection(path: copy + "/gkick.db", readOnly: false)
          try connection.execute(sql)
        }
        let before = try everything(in: copy)
        do {
          let damaged = try SQLiteStorage.small(path: copy)
          defer { try? damaged.close() }
          try damaged.load(try damaged.beginEpoch(), into: LoadedState())
          Issue.record("loaded after \(sql)")
        } catch let error as StoreError {
          #expect(error.kind == .unusable && error.message.contains(copy))
        }
        #expect(try everything(in: copy) == before, "left as it was")
      }
    }
  }

  /// What SQLite and the lock leave in the folder, too.
  private func everything(in path: String) throws -> [String: [UInt8]] {
    var files: [String: [UInt8]] = [:]
    for name in TemporaryFolder.names(in: path) { files[name] = try TemporaryFolder.read(path + "/" + name) }
    return files
  }

  /// Also one whose log of SQLite is still to be taken in, and whose index of that has to be made anew.
  @Test func aRefusedStoreIsLeftAsItIsWithAllThatIsBesideIt() throws {
    let storage = try open()
    try storage.write([.oneJob(1, body: 10)], epoch: try storage.beginEpoch())
    try storage.overlay.settle()
    let crashed = folder.path + "/crashed"
    try storage.freeze { try TemporaryFolder.copy(path, to: crashed) }
    try storage.close()
    do {
      let newer = try Connection(path: crashed + "/gkick.db", readOnly: false)
      newer.leaveAsItIs()
      try newer.execute("PRAGMA user_version = 99")
    }
    for name in ["", "gkick.db-shm", "gkick.db-wal"] {
      if !name.isEmpty { unlink(crashed + "/" + name) }
      if name == "gkick.db-wal" { try TemporaryFolder.write(Array("no database".utf8), to: crashed + "/gkick.db") }
      let before = try everything(in: crashed)
      #expect(refusal(crashed)?.kind == .unusable)
      #expect(try everything(in: crashed) == before, "without \(name)")
    }
  }

  @Test(arguments: ["gkick.db", "gkick.db gkick.db-wal"])
  func aDatabaseThatIsGoneBesideEmptyFilesOfTheLogIsRefused(gone: String) throws {
    try open().close()
    for name in gone.split(separator: " ") { unlink(path + "/" + name) }
    for index in 0..<2 { try TemporaryFolder.write([], to: path + "/" + Log.name(index)) }
    #expect(refusal(path)?.kind == .unusable)
  }
}

import Glibc
import Jobs
import Support

@testable import SQLiteStorage

/// A folder that is gone when the test is.
final class TemporaryFolder {
  let path: String

  init() {
    var template = Array("/tmp/gkick-test-XXXXXX".utf8CString)
    path = String(cString: mkdtemp(&template))
  }

  deinit { Self.remove(path) }

  static func remove(_ path: String) {
    for name in names(in: path) {
      let inner = path + "/" + name
      if unlink(inner) != 0 { remove(inner) }
    }
    rmdir(path)
  }

  static func names(in path: String) -> [String] {
    guard let folder = opendir(path) else { return [] }
    defer { closedir(folder) }
    var names: [String] = []
    while let entry = readdir(folder) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names
  }

  /// Copies the files of a store as they are now, as a crash would leave them.
  static func copy(_ from: String, to: String) throws {
    mkdir(to, 0o700)
    for name in names(in: from) where name != "lock" && !name.hasSuffix("-shm") {
      try write(try read(from + "/" + name), to: to + "/" + name)
    }
  }

  struct Failed: Error {}

  static func read(_ path: String) throws -> [UInt8] {
    guard let file = fopen(path, "rb") else { throw Failed() }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = fread(&buffer, 1, buffer.count, file)
      if count == 0 { return bytes }
      bytes += buffer[..<count]
    }
  }

  static func write(_ bytes: [UInt8], to path: String) throws {
    guard let file = fopen(path, "wb") else { throw Failed() }
    defer { fclose(file) }
    if fwrite(bytes, 1, bytes.count, file) != bytes.count { throw Failed() }
  }
}

final class SQLiteStorageHarness: StorageHarness {
  let folder = TemporaryFolder()
  private var generation = 0
  private var retention = EventRetention()
  /// Ended without close; kept, since their files are in use.
  private var crashed: [any Storage] = []

  var path: String { folder.path + "/store-\(generation)" }

  func open(_ retention: EventRetention, salt: UInt32) throws -> any Storage {
    self.retention = retention
    return try SQLiteStorage.small(path: path, retention: retention, salt: salt)
  }

  /// A crash leaves the files as they are: what SQLite has not written is not in them, and nobody cleans up.
  func reopen(_ storage: any Storage, crash: Bool) throws -> (any Storage)? {
    if crash {
      let old = path
      generation += 1
      // At one moment of the thread that fills the database.
      try (storage as? SQLiteStorage)?.freeze { try TemporaryFolder.copy(old, to: path) }
      crashed.append(storage)
    } else {
      try storage.close()
    }
    return try SQLiteStorage.small(path: path, retention: retention)
  }

  func damageBody(seq: Int64, in storage: any Storage) throws -> Bool {
    try (storage as? SQLiteStorage)?.overlay.settle()
    try (storage as? SQLiteStorage)?.database.locked { database throws(StoreError) in
      try database.execute(
        "UPDATE jobs SET body = CAST(substr(body, 1, 7) || 'x' || substr(body, 9) AS BLOB) WHERE seq = \(seq)")
    }
    return true
  }

  func clean(_ storage: any Storage) {
    crashed.removeAll()
    try? storage.close()
  }
}

extension SQLiteStorage {
  /// With a small log, which is quickly made.
  static func small(
    path: String, retention: EventRetention = EventRetention(), salt: UInt32? = nil, bootID: Int64 = 1
  ) throws -> SQLiteStorage {
    try SQLiteStorage(path: path, retention: retention, salt: salt, bootID: bootID, logSize: 1 << 18)
  }

  /// Nothing is written by the thread that fills the database meanwhile.
  func freeze(_ body: () throws -> Void) throws {
    var failure: (any Error)?
    try database.locked { _ throws(StoreError) in
      do { try body() } catch { failure = error }
    }
    if let failure { throw failure }
  }
}

extension ChangeSet {
  /// One new job.
  /// - Parameter seq: the job's and its event's number; nil: the change set's.
  static func oneJob(_ number: UInt64, _ durability: Durability = .synced, body: Int, seq: UInt64? = nil) -> ChangeSet {
    let now = Timestamp(seconds: 1_700_000_000)
    let seq = Int64(seq ?? number)
    var change = ChangeSet(number: number, now: now, durability: durability)
    let head = JobHead(seq: seq, job: NewJob(id: "j\(seq)", name: "a", runAt: now), isChosen: true, createdAt: now)
    change.jobs = [JobChange(head: head, standing: head.untouched, isNew: true, body: Array(repeating: 7, count: body))]
    change.events = [Event(cursor: seq, kind: .enqueued, at: now, jobID: head.job.id)]
    change.nextSeq = seq + 1
    return change
  }
}

import Glibc
import Jobs
import Support
import Testing

@testable import SQLiteStorage

@Suite struct BackupTests {
  @Test func aBackupIsTakenBesideAServerThatWrites() throws {
    let folder = TemporaryFolder()
    let path = folder.path + "/it's"
    let scene = Scene(try SQLiteStorage.small(path: path, salt: 5))
    try scene.begin()
    for number in 1...200 { try scene.write(number) }
    try scene.storage.overlay.settle()
    let stop = Stop()
    let thread = Held(scene)
    var id = pthread_t()
    let context = Unmanaged.passRetained(Pair(thread, stop))
    pthread_create(
      &id, nil,
      { context in
        let pair = Unmanaged<Pair>.fromOpaque(context!).takeRetainedValue()
        var number = 201
        while !pair.stop.isSet {
          try? pair.held.scene.write(number)
          number += 1
        }
        return nil
      }, context.toOpaque())
    let file = folder.path + "/it's a copy"
    #expect(try StoreBackup.copy(store: path, to: file) > 10_000)
    stop.set()
    pthread_join(id, nil)
    #expect(throws: StoreError.self) { try StoreBackup.copy(store: path, to: file) }
    for name in [file, path + "/gkick.db", path + "/gkick.db-wal"] {
      var status = stat()
      #expect(stat(name, &status) == 0 && status.st_mode & 0o777 == 0o600, "only its owner may read \(name)")
    }
    try scene.storage.close()

    let restored = folder.path + "/restored"
    mkdir(restored, 0o700)
    rename(file, restored + "/gkick.db")
    let storage = try SQLiteStorage.small(path: restored)
    #expect(storage.openFindings.isEmpty)
    let epoch = try storage.beginEpoch()
    #expect(epoch.number > scene.epoch.number + 100)
    let state = LoadedState()
    try storage.load(epoch, into: state)
    #expect(state.jobs.count >= 200 && state.jobs.map(\.seq) == Array(1...Int64(state.jobs.count)))
    #expect(state.lastCursor >= 1_000_000)
    #expect(try storage.rows.jobs([1], bodies: true)[0]?.body == [1, 2, 3])
    try storage.close()
  }

  /// Also what is not in the database yet, be the server there or killed.
  @Test(arguments: [false, true]) func allThatWasAcknowledgedIsInIt(isKilled: Bool) throws {
    let folder = TemporaryFolder()
    var path = folder.path + "/store"
    let scene = Scene(try SQLiteStorage.small(path: path, salt: 5))
    try scene.begin()
    for number in 1...20 { try scene.write(number) }
    try scene.storage.overlay.settle()
    try scene.storage.database.locked { $0.applyFault = 13 }
    for number in 21...50 { try scene.write(number) }
    let killed = folder.path + "/killed"
    try scene.storage.freeze { try TemporaryFolder.copy(path, to: killed) }
    if isKilled { path = killed }
    let restored = folder.path + "/restored"
    mkdir(restored, 0o700)
    _ = try StoreBackup.copy(store: path, to: restored + "/gkick.db")
    try scene.storage.database.locked { $0.applyFault = 0 }
    try scene.storage.close()
    let storage = try SQLiteStorage.small(path: restored)
    let state = LoadedState()
    try storage.load(try storage.beginEpoch(), into: state)
    #expect(state.jobs.map(\.seq) == Array(1...50))
    #expect(try storage.rows.jobs([50], bodies: true)[0]?.body == [1, 2, 3])
    #expect(storage.openFindings.isEmpty)
    try storage.close()
  }

  private final class Scene {
    let storage: SQLiteStorage
    var epoch = Epoch(0)
    private let now = Timestamp(seconds: 1_700_000_000)

    init(_ storage: SQLiteStorage) { self.storage = storage }

    func begin() throws {
      epoch = try storage.beginEpoch()
      try storage.load(epoch, into: LoadedState())
    }

    func write(_ number: Int) throws {
      var change = ChangeSet(number: UInt64(number), now: now, durability: .relaxed)
      let head = JobHead(
        seq: Int64(number), job: NewJob(id: "j\(number)", name: "a", runAt: now), isChosen: true, createdAt: now)
      change.jobs = [JobChange(head: head, standing: head.untouched, isNew: true, body: [1, 2, 3])]
      change.events = [Event(cursor: Int64(number), kind: .enqueued, at: now, jobID: head.job.id)]
      change.nextSeq = Int64(number) + 1
      try storage.write([change], epoch: epoch)
    }
  }

  private struct Held { let scene: Scene; init(_ scene: Scene) { self.scene = scene } }

  private final class Stop: @unchecked Sendable {
    private let lock = Condition()
    private var value = false
    var isSet: Bool {
      lock.lock()
      defer { lock.unlock() }
      return value
    }
    func set() {
      lock.lock()
      value = true
      lock.unlock()
    }
  }

  private final class Pair {
    let held: Held
    let stop: Stop
    init(_ held: Held, _ stop: Stop) {
      self.held = held
      self.stop = stop
    }
  }
}

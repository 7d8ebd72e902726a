import Engine
import Glibc
import Jobs
import MemoryStorage
import Support
import Synchronization
import Testing

@testable import Services

/// What a loop has written while no thread waits for it: each way that it can go, under a clock that only the test turns.
@Suite(.timeLimit(.minutes(1))) struct UnattendedDeskTests {
  /// A storage that is told when a write that it has begun is over.
  private final class Disk: Storage, UnattendedWriter {
    private struct State {
      var takesMore = true
      var begun: [ChangeSet] = []
      var result = UnattendedOutcome.underWay
      /// Numbers of change sets, in the order in which they were stored, and by whom.
      var unattended: [UInt64] = []
      var ordinary: [UInt64] = []
      var waiting = 0
      var tidied = 0
    }
    let inner = MemoryStorage()
    private let state = Mutex(State())

    var kind: String { inner.kind }
    var rows: any RowSource { inner.rows }
    var reader: any JobReader { inner.reader }
    var unattended: (any UnattendedWriter)? { self }
    func beginEpoch() throws(StoreError) -> Epoch { try inner.beginEpoch() }
    func load(_ epoch: Epoch, into loader: any StateLoader) throws(StoreError) { try inner.load(epoch, into: loader) }
    func write(_ changes: [ChangeSet], epoch: Epoch) throws(StoreError) {
      state.withLock { $0.ordinary += changes.map(\.number) }
    }
    func sync() throws(StoreError) {}
    func tidy(now: Timestamp) throws(StoreError) -> Timestamp {
      state.withLock { $0.tidied += 1 }
      return now + .seconds(60)
    }
    func close() throws(StoreError) {}

    func makeNotice() -> Int32 { -1 }

    func begin(_ changes: [ChangeSet], epoch: Epoch, notice: Int32) -> Bool {
      state.withLock { state in
        guard state.takesMore else { return false }
        state.begun = changes
        state.result = .underWay
        return true
      }
    }

    func finish(waits: Bool) -> UnattendedOutcome {
      state.withLock { $0.waiting += waits ? 1 : 0 }
      defer { state.withLock { $0.waiting -= waits ? 1 : 0 } }
      while true {
        let result = state.withLock { state in
          if case .stored = state.result {
            state.unattended += state.begun.map(\.number)
            state.begun = []
          }
          return state.result
        }
        if case .underWay = result, waits { sched_yield() } else { return result }
      }
    }

    func finishes(_ result: UnattendedOutcome) { state.withLock { $0.result = result } }
    func refuses(_ refuses: Bool) { state.withLock { $0.takesMore = !refuses } }
    var underWay: [UInt64] { state.withLock { $0.begun.map(\.number) } }
    var stored: [UInt64] { state.withLock { $0.unattended } }
    var storedByThread: [UInt64] { state.withLock { $0.ordinary } }
    var tidied: Int { state.withLock { $0.tidied } }
    var isWaitedFor: Bool { state.withLock { $0.waiting > 0 } }
  }

  private final class Scene: Sendable {
    let clock = TurnedClock()
    let disk = Disk()
    let desk: StorageDesk
    private let told = Mutex<[UInt64]>([])
    private let hasEnded = Atomic(false)

    init() throws {
      desk = try StorageDesk(turnedBy: clock, disk)
      desk.startAlone(
        report: { [self] outcome in hear(outcome) },
        ended: { [self] in hasEnded.store(true, ordering: .releasing) })
      wait { desk.isAsleep }
    }

    func wait(_ condition: () -> Bool) { while !condition() { sched_yield() } }

    private func hear(_ outcome: StorageDesk.Outcome) {
      if case .stored(let ticket, _) = outcome { told.withLock { $0.append(ticket) } }
    }

    private func work(_ number: UInt64) -> StorageWork {
      .write(
        ticket: number,
        ChangeSet(number: number, now: Timestamp(microseconds: clock.now), durability: .synced), sync: false)
    }

    /// From a loop, which follows.
    /// - Returns: when it is to follow again.
    @discardableResult func push(_ number: UInt64, isPatient: Bool = false) -> Int64? {
      desk.push(work(number), isPatient: isPatient, isFollowed: true)
      return desk.writeUnattended(notice: -1)
    }

    /// From the engine's thread.
    func pushForThread(_ number: UInt64) { desk.push(work(number)) }

    /// What a loop does when it is told that something is over.
    func follow() {
      if let outcome = desk.finishUnattended() { hear(outcome) }
      _ = desk.writeUnattended(notice: -1)
    }

    func turn(_ microseconds: Int64) {
      clock.turn(to: clock.now + microseconds)
      desk.clockTurned()
    }

    /// The tickets up to which all was said to be stored.
    var stored: [UInt64] { told.withLock { $0 } }

    func stop() {
      desk.close()
      wait { hasEnded.load(ordering: .acquiring) }
    }
  }

  @Test func whatComesMeanwhileIsWrittenTogetherNext() throws {
    let scene = try Scene()
    scene.push(1)
    scene.push(2)
    scene.push(3)
    #expect(scene.disk.underWay == [1])
    scene.follow()
    #expect(scene.stored == [])
    scene.disk.finishes(.stored)
    scene.follow()
    #expect(scene.stored == [1])
    #expect(scene.disk.underWay == [2, 3])
    scene.disk.finishes(.stored)
    scene.follow()
    #expect(scene.stored == [1, 3])
    #expect(scene.disk.storedByThread == [])
    scene.stop()
  }

  @Test func patientWorkIsFollowedAMillisecondLater() throws {
    let scene = try Scene()
    let start = scene.clock.now
    #expect(scene.push(1, isPatient: true) == start + 1_000)
    scene.turn(999)
    scene.follow()
    #expect(scene.disk.underWay == [])
    scene.turn(1)
    scene.follow()
    #expect(scene.disk.underWay == [1])
    scene.disk.finishes(.stored)
    scene.follow()
    // What may not wait takes it along.
    scene.push(2, isPatient: true)
    scene.push(3)
    #expect(scene.disk.underWay == [2, 3])
    scene.disk.finishes(.stored)
    scene.follow()
    #expect(scene.disk.storedByThread == [])
    scene.stop()
  }

  @Test func theThreadWritesWhatTheStorageDoesNotBegin() throws {
    let scene = try Scene()
    scene.disk.refuses(true)
    scene.push(1)
    scene.wait { scene.stored == [1] && scene.desk.isAsleep }
    scene.disk.refuses(false)
    scene.push(2)
    #expect(scene.disk.underWay == [2])
    scene.disk.finishes(.stored)
    scene.follow()
    #expect(scene.disk.storedByThread == [1])
    scene.stop()
  }

  @Test func theThreadWritesAgainWhatIsNotForCertain() throws {
    let scene = try Scene()
    scene.push(1)
    scene.push(2)
    scene.disk.finishes(.notStored)
    scene.follow()
    scene.wait { scene.stored.last == 2 }
    #expect(scene.disk.storedByThread == [1, 2])
    #expect(scene.disk.stored == [])
    scene.stop()
  }

  /// Work of the engine's thread is not for a loop: the storage's thread waits for what is under way, then does it.
  @Test func theThreadWaitsForItWhenItHasWorkOfItsOwn() throws {
    let scene = try Scene()
    scene.push(1)
    scene.pushForThread(2)
    scene.wait { scene.disk.isWaitedFor }
    // The loop hears of it meanwhile, and has nothing to say.
    scene.follow()
    #expect(scene.stored == [])
    scene.disk.finishes(.stored)
    scene.wait { scene.stored == [1, 2] }
    #expect(scene.disk.storedByThread == [2])
    scene.stop()
  }

  /// The thread's own time comes while something is under way: it has to wait with it, and is not to sleep for good.
  @Test func itIsTidiedAfterwards() throws {
    let scene = try Scene()
    #expect(scene.disk.tidied == 1)
    scene.push(1)
    scene.turn(61_000_000)
    scene.wait { scene.desk.isAsleep }
    #expect(scene.disk.tidied == 1)
    scene.disk.finishes(.stored)
    scene.follow()
    scene.wait { scene.disk.tidied == 2 && scene.desk.isAsleep }
    scene.push(2)
    #expect(scene.disk.underWay == [2])
    scene.disk.finishes(.stored)
    scene.follow()
    scene.stop()
  }

  @Test func aDiskThatHangsIsToldAfterTwoSeconds() throws {
    let scene = try Scene()
    scene.push(1)
    scene.turn(2_000_000)
    #expect(scene.desk.trouble == nil)
    scene.turn(1)
    #expect(scene.desk.trouble?.kind == .unavailable)
    scene.disk.finishes(.stored)
    scene.follow()
    #expect(scene.desk.trouble == nil)
    scene.stop()
  }

  @Test func closingWaitsForWhatIsUnderWayAndDoesTheRest() throws {
    let scene = try Scene()
    scene.push(1)
    scene.push(2, isPatient: true)
    scene.desk.close()
    scene.wait { scene.disk.isWaitedFor }
    scene.disk.finishes(.stored)
    scene.stop()
    #expect(scene.stored == [1, 2])
    #expect(scene.disk.stored == [1])
    #expect(scene.disk.storedByThread == [2])
  }
}

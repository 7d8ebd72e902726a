import Engine
import Glibc
import Jobs
import MemoryStorage
import Support
import Synchronization
import Testing
import Unsteady

@testable import Services

/// Every wait of the storage's thread, under a clock that only the test turns.
@Suite(.timeLimit(.minutes(1))) struct StorageDeskClockTests {
  private final class Scene: Sendable {
    let clock = TurnedClock()
    let storage = UnsteadyStorage(MemoryStorage())
    let desk: StorageDesk
    private let told = Mutex<[UInt64]>([])
    private let hasEnded = Atomic(false)

    init() throws {
      desk = try StorageDesk(turnedBy: clock, storage)
      desk.startAlone(
        report: { [self] outcome in
          if case .stored(let ticket, _) = outcome { told.withLock { $0.append(ticket) } }
        }, ended: { [self] in hasEnded.store(true, ordering: .releasing) })
      settle()
    }

    /// Until the thread sleeps, hangs or is gone.
    func settle() {
      while !desk.isAsleep, storage.hanging == 0, !hasEnded.load(ordering: .acquiring) { sched_yield() }
    }

    func turn(_ microseconds: Int64) {
      clock.turn(to: clock.now + microseconds)
      desk.clockTurned()
      settle()
    }

    func push(_ ticket: UInt64, isPatient: Bool) {
      desk.push(.write(ticket: ticket, nil, sync: true), isPatient: isPatient)
      settle()
    }

    /// The tickets up to which all was said to be stored.
    var stored: [UInt64] { told.withLock { $0 } }

    func stop() {
      storage.heal()
      desk.close()
      while !hasEnded.load(ordering: .acquiring) { sched_yield() }
    }
  }

  @Test func patientWorkWaitsUntilTheThreadLooksByItself() throws {
    let scene = try Scene()
    scene.push(1, isPatient: false)
    // It finds the thread done for so long, and then waits for what is left of a millisecond.
    for (ticket, rest) in [(2, 0), (3, 400), (4, 999)] as [(UInt64, Int64)] {
      scene.turn(rest)
      scene.push(ticket, isPatient: true)
      scene.turn(999 - rest)
      #expect(scene.stored.last == ticket - 1)
      scene.turn(1)
      #expect(scene.stored.last == ticket)
    }
    scene.stop()
  }

  @Test func patientWorkThatWakesAThreadIsDoneAtOnce() throws {
    let scene = try Scene()
    scene.push(1, isPatient: false)
    for (ticket, rest) in [(2, 1_000), (3, 5_000)] as [(UInt64, Int64)] {
      scene.turn(rest)
      scene.push(ticket, isPatient: true)
      #expect(scene.stored.last == ticket)
    }
    scene.stop()
  }

  /// What comes while it writes waits a millisecond from then on.
  @Test func patientWorkThatCameDuringAWriteWaitsAMillisecondInAll() throws {
    let scene = try Scene()
    scene.storage.plan { $0 == .sync ? .hangs : nil }
    scene.push(1, isPatient: false)
    scene.push(2, isPatient: true)
    scene.turn(600)
    scene.storage.heal()
    while scene.stored != [1] { sched_yield() }
    scene.settle()
    scene.turn(399)
    #expect(scene.stored == [1])
    scene.turn(1)
    #expect(scene.stored == [1, 2])
    scene.stop()
  }

  @Test func whatMayNotWaitTakesItAlongAtOnce() throws {
    let scene = try Scene()
    scene.push(1, isPatient: false)
    scene.push(2, isPatient: true)
    scene.push(3, isPatient: true)
    #expect(scene.stored == [1])
    scene.push(4, isPatient: false)
    #expect(scene.stored == [1, 4])
    #expect(scene.storage.count(.sync) == 2)
    scene.stop()
  }

  @Test func itIsTidiedWhenTheStorageSaidAndASecondAfterAFailure() throws {
    let scene = try Scene()
    #expect(scene.storage.count(.tidy) == 1)
    for _ in 0..<2 {
      let before = scene.storage.count(.tidy)
      scene.turn(59_999_999)
      #expect(scene.storage.count(.tidy) == before)
      scene.turn(1)
      #expect(scene.storage.count(.tidy) == before + 1)
    }
    scene.storage.plan { $0 == .tidy ? .fails(.unavailable) : nil }
    scene.turn(60_000_000)
    let before = scene.storage.count(.tidy)
    scene.turn(999_999)
    #expect(scene.storage.count(.tidy) == before)
    scene.turn(1)
    #expect(scene.storage.count(.tidy) == before + 1)
    // What comes meanwhile is done all the same.
    scene.push(1, isPatient: false)
    #expect(scene.stored == [1])
    scene.stop()
  }

  @Test func aStorageThatHangsIsToldAfterTwoSeconds() throws {
    let scene = try Scene()
    scene.storage.plan { $0 == .sync ? .hangs : nil }
    scene.push(1, isPatient: false)
    #expect(scene.storage.hanging == 1)
    scene.turn(2_000_000)
    #expect(scene.desk.trouble == nil)
    scene.turn(1)
    #expect(scene.desk.trouble?.kind == .unavailable)
    scene.storage.heal()
    while scene.storage.hanging > 0 || scene.stored.isEmpty { sched_yield() }
    #expect(scene.desk.trouble == nil)
    // A failure is told until something has succeeded.
    scene.storage.plan { $0 == .sync ? .fails(.unavailable) : nil }
    scene.push(2, isPatient: false)
    #expect(scene.desk.trouble != nil)
    scene.stop()
  }

  @Test func closingWakesItFromEveryWait() throws {
    for isPatient in [false, true] {
      let scene = try Scene()
      scene.push(1, isPatient: false)
      if isPatient { scene.push(2, isPatient: true) }
      #expect(scene.stored == [1])
      scene.stop()
      #expect(scene.stored == (isPatient ? [1, 2] : [1]))
    }
  }
}

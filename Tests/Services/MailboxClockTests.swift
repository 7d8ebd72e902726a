import Engine
import Glibc
import Jobs
import Support
import Synchronization
import Testing
import Unsteady

@testable import Services

/// Every wait of the engine's thread, under a clock that only the test turns.
@Suite(.timeLimit(.minutes(1))) struct MailboxClockTests {
  private static let route = Route(loop: 0, id: 1)

  /// A mailbox, and the engine's thread in its `wait`.
  private final class Scene: Sendable {
    let clock = TurnedClock()
    let mailbox: Mailbox
    private let answer = Mutex<Bool?>(nil)
    private let isWaiting = Atomic(false)

    init() {
      let clock = clock
      mailbox = Mailbox(limits: HostLimits()) { clock.now }
    }

    /// Has a thread wait, and returns when it sleeps or has returned.
    func begin() {
      precondition(!isWaiting.load(ordering: .acquiring), "the thread of before still waits")
      answer.withLock { $0 = nil }
      isWaiting.store(true, ordering: .releasing)
      _ = Thread.start("waiter") { [self] in
        let value = mailbox.wait()
        answer.withLock { $0 = value }
        isWaiting.store(false, ordering: .releasing)
      }
      settle()
    }

    /// What `wait` returned; nil: it still sleeps.
    var returned: Bool? { answer.withLock { $0 } }

    func turn(_ microseconds: Int64) {
      clock.turn(to: clock.now + microseconds)
      mailbox.clockTurned()
      settle()
    }

    /// Until the thread sleeps, having looked at the clock, or is gone.
    func settle() { while isWaiting.load(ordering: .acquiring), !mailbox.isAsleep { sched_yield() } }

    /// It was woken without the clock.
    func awaitReturn() { while isWaiting.load(ordering: .acquiring) { sched_yield() } }

    func push(_ count: Int = 1) {
      for _ in 0..<count { _ = mailbox.push(.fence(MailboxClockTests.route), size: 0, mustFit: true) }
      settle()
    }

    func take() -> Int {
      var batch = CommandBatch()
      var done: [StorageDesk.Outcome] = []
      mailbox.take(into: &batch, &done)
      _ = mailbox.begin(batch.count)
      return batch.count
    }
  }

  @Test func withoutAnAlarmItSleepsHoweverLate() {
    let scene = Scene()
    scene.begin()
    for _ in 0..<100 { scene.turn(3_600_000_000) }
    #expect(scene.returned == nil)
    scene.push()
    #expect(scene.returned == true)
    #expect(scene.take() == 1)
  }

  @Test func theAlarmRingsAtItsTimeAndNotBefore() {
    let scene = Scene()
    scene.mailbox.note(alarm: scene.clock.now + 5_000, isBusy: false)
    scene.begin()
    #expect(scene.returned == nil)
    scene.turn(4_999)
    #expect(scene.returned == nil)
    scene.turn(1)
    #expect(scene.returned == true)
    #expect(scene.take() == 0)
    // It is still due: nobody sleeps over it.
    scene.begin()
    #expect(scene.returned == true)
  }

  @Test func anEarlierAlarmIsHeardOfWhileItSleeps() {
    let scene = Scene()
    scene.mailbox.note(alarm: scene.clock.now + 3_600_000_000, isBusy: false)
    scene.begin()
    #expect(scene.returned == nil)
    scene.mailbox.note(alarm: scene.clock.now + 10, isBusy: false)
    scene.awaitReturn()
    scene.begin()
    #expect(scene.returned == nil)
    scene.turn(10)
    #expect(scene.returned == true)
  }

  @Test func moreIsWaitedForAsLongAsTwoTicksAndNoLonger() {
    let scene = Scene()
    for _ in 0..<2 {
      scene.mailbox.committed(answered: 64, microseconds: 400)
      scene.push()
      scene.begin()
      #expect(scene.returned == nil)
      scene.turn(799)
      #expect(scene.returned == nil)
      scene.turn(1)
      #expect(scene.returned == true)
      #expect(scene.take() == 1)
    }
    // Nobody came, twice: it is not tried again at once.
    scene.mailbox.committed(answered: 64, microseconds: 400)
    scene.push()
    scene.begin()
    #expect(scene.returned == true)
  }

  @Test func whoComesInTimeEndsTheWaiting() {
    let scene = Scene()
    scene.mailbox.committed(answered: 64, microseconds: 400)
    scene.push()
    scene.begin()
    scene.push(55)
    #expect(scene.returned == nil)
    scene.push()
    #expect(scene.returned == true)
    #expect(scene.take() == 57)
  }

  @Test func whatIsDueIsNotPutOffForMore() {
    let scene = Scene()
    scene.mailbox.committed(answered: 64, microseconds: 400)
    scene.mailbox.note(alarm: scene.clock.now + 800, isBusy: false)
    scene.push()
    scene.begin()
    #expect(scene.returned == true)
  }

  @Test func closingEndsEveryWait() {
    for isGathering in [false, true] {
      let scene = Scene()
      if isGathering {
        scene.mailbox.committed(answered: 64, microseconds: 400)
        scene.push()
      }
      scene.begin()
      #expect(scene.returned == nil)
      scene.mailbox.close()
      scene.awaitReturn()
      // What came before is still to be done.
      #expect(scene.returned == isGathering)
      _ = scene.take()
      scene.begin()
      #expect(scene.returned == false)
    }
  }

  @Test func noOrderOfEventsMakesItSpinOrSleepOverWhatThereIs() {
    for seed in 0..<200 as Range<UInt64> {
      var random = SeededGenerator(seed: seed)
      let scene = Scene()
      var waiting = 0
      var alarm: Int64?
      for _ in 0..<20 {
        switch Int.random(in: 0..<5, using: &random) {
        case 0:
          waiting += 1
          scene.push()
        case 1:
          alarm = Bool.random(using: &random) ? nil : scene.clock.now + .random(in: -10...3_000, using: &random)
          scene.mailbox.note(alarm: alarm, isBusy: false)
        case 2: scene.mailbox.committed(answered: .random(in: 0...100, using: &random), microseconds: 300)
        default: break
        }
        scene.begin()
        // Whatever it waits for: more commands, two milliseconds at most, or the alarm.
        for _ in 0..<4 where scene.returned == nil && (waiting > 0 || alarm != nil) { scene.turn(1_500) }
        let isIdle = waiting == 0 && alarm == nil
        #expect(scene.returned == (isIdle ? nil : true), "seed \(seed)")
        if isIdle { scene.push() }
        for _ in 0..<4 where scene.returned == nil { scene.turn(1_500) }
        #expect(scene.returned == true, "seed \(seed)")
        waiting = 0
        _ = scene.take()
        if let due = alarm, due <= scene.clock.now {
          alarm = nil
          scene.mailbox.note(alarm: nil, isBusy: false)
        }
      }
    }
  }
}

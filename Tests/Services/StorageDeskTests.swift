import Backlog
import Engine
import Jobs
import MemoryStorage
import Support
import Testing

@testable import Services

@Suite(.timeLimit(.minutes(1))) struct StorageDeskTests {
  @Test func patientWorkIsDoneThoughNothingFollows() async throws {
    let storage = MemoryStorage()
    let epoch = try storage.beginEpoch()
    let desk = StorageDesk(storage: storage, epoch: epoch, closes: true, clock: { EngineHost.moment() })
    let (stored, told) = AsyncStream.makeStream(of: UInt64.self)
    desk.startAlone(
      report: { if case .stored(let ticket, _) = $0 { told.yield(ticket) } }, ended: { told.finish() })
    var outcomes = stored.makeAsyncIterator()

    // Some find it awake, some just done, some asleep.
    for ticket in 1...40 as ClosedRange<UInt64> {
      desk.push(.write(ticket: ticket, nil, sync: true), isPatient: true)
      #expect(await outcomes.next() == ticket)
      if ticket % 4 == 0 { try await Task.sleep(for: .milliseconds(3)) }
    }
    // What follows takes it along, in its order.
    for ticket in stride(from: 42 as UInt64, to: 80, by: 2) {
      desk.push(.write(ticket: ticket - 1, nil, sync: true), isPatient: true)
      desk.push(.write(ticket: ticket, nil, sync: true))
      var told = await outcomes.next()
      if told == ticket - 1 { told = await outcomes.next() }
      #expect(told == ticket)
    }
    desk.push(.write(ticket: 100, nil, sync: true), isPatient: true)
    desk.close()
    #expect(await outcomes.next() == 100)
    #expect(await outcomes.next() == nil)
  }
}

extension StorageDesk {
  /// Under a clock that a test turns.
  convenience init(turnedBy clock: TurnedClock, _ storage: any Storage) throws {
    self.init(
      storage: storage, epoch: try storage.beginEpoch(), closes: true,
      clock: { Moment(wall: Timestamp(microseconds: clock.now), elapsed: Instant(microseconds: clock.now)) },
      steadyClock: { clock.now })
  }

  /// Starts its thread, with an engine that does nothing.
  func startAlone(report: @escaping @Sendable (Outcome) -> Void, ended: @escaping @Sendable () -> Void) {
    let engine = Engine(
      backlog: Backlog(rows: storage.rows, seed: 1), configuration: EngineConfiguration(), seed: 1,
      now: EngineHost.moment())
    let started = start(engine: Lent(engine: engine), observer: nil, report: report, ended: { _ in ended() })
    #expect(started)
  }
}

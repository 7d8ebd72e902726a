@testable import Engine
import Jobs
import Testing

/// Who is told.
struct EventHubTests {
  private func pull(_ rig: Rig, after: Int64?, _ filter: EventFilter = EventFilter(), limit: Int = 512) -> Route {
    let route = rig.route()
    rig.tick([.pullEvents(EventPull(filter: filter, after: after, limit: limit), route)])
    return route
  }

  private func events(_ rig: Rig, _ route: Route, in effects: [Effect]? = nil) -> ([Event], Int64)? {
    guard case .events(.events(let events, let cursor))? = rig.reply(to: route, in: effects) else { return nil }
    return (events, cursor)
  }

  @Test func fromNowOnIsAnsweredWithTheCursorOfNow() {
    let rig = Rig()
    rig.enqueue()
    let (found, cursor) = events(rig, pull(rig, after: nil)) ?? ([], -1)
    #expect(found.isEmpty)
    #expect(cursor == 1)
  }

  @Test func whatIsInMemoryIsAnsweredAtOnceInSlices() {
    let rig = Rig()
    rig.tick([.pullEvents(EventPull(filter: EventFilter(), after: nil), rig.route())])
    for _ in 0..<10 { rig.enqueue() }
    let (first, cursor) = events(rig, pull(rig, after: 0, limit: 4)) ?? ([], -1)
    #expect(first.map(\.cursor) == [1, 2, 3, 4])
    #expect(cursor == 4)
    let (rest, end) = events(rig, pull(rig, after: 4)) ?? ([], -1)
    #expect(rest.map(\.cursor) == [5, 6, 7, 8, 9, 10])
    #expect(end == 10)
  }

  @Test func aPullWithNothingToSayIsAnsweredByTheNextEventAfterItsCommit() {
    let rig = Rig()
    let route = pull(rig, after: 0)
    #expect(rig.reply(to: route) == nil)
    rig.enqueue()
    #expect(events(rig, route, in: rig.early) == nil)
    #expect(events(rig, route)?.0.map(\.kind) == [.enqueued])
    rig.enqueue()
    #expect(rig.reply(to: route) == nil)
  }

  @Test func onlyWhatMatchesIsTold() {
    let rig = Rig()
    let route = pull(rig, after: 0, EventFilter(queues: ["b"], kinds: [.enqueued]))
    rig.enqueue(NewJob(queue: "a", name: "n"))
    #expect(rig.reply(to: route) == nil)
    rig.enqueue(NewJob(queue: "b", name: "n"))
    #expect(events(rig, route)?.0.map(\.queue) == ["b"])
    #expect(events(rig, route)?.1 == 2)
  }

  /// What an event costs does not grow with those who wait for something else.
  @Test func onlyThoseThatMayWantAnEventAreLookedAt() {
    func looks(others: Int) -> Int {
      let rig = Rig()
      for other in 0..<others {
        let filter =
          switch other % 5 {
          case 0: EventFilter(queues: ["other\(other)"])
          case 1: EventFilter(names: ["other\(other)"])
          case 2: EventFilter(jobIDs: ["other\(other)"], kinds: [.enqueued])
          case 3: EventFilter(kinds: [.dead])
          default: EventFilter(queues: ["a", "b"], batchID: "other\(other)")
          }
        _ = pull(rig, after: 0, filter)
      }
      let before = rig.engine.eventLooks
      for number in 0..<20 {
        let routes = [
          pull(rig, after: Int64(number), EventFilter(queues: ["a", "c"])), pull(rig, after: Int64(number)),
          pull(rig, after: Int64(number), EventFilter(names: ["n"], kinds: [.enqueued])),
        ]
        rig.enqueue(NewJob(queue: "a", name: "n"))
        for route in routes { #expect(events(rig, route)?.0.count == 1) }
      }
      return rig.engine.eventLooks - before
    }
    #expect(looks(others: 0) == 60)
    #expect(looks(others: 1_000) == 60)
  }

  @Test func whoHasGoneIsNotTold() {
    let rig = Rig()
    let gone = pull(rig, after: 0, EventFilter(queues: ["a"]))
    let stays = pull(rig, after: 0, EventFilter(queues: ["a"]))
    rig.tick([.forget(gone)])
    rig.enqueue(NewJob(queue: "a", name: "n"))
    #expect(rig.reply(to: gone) == nil)
    #expect(events(rig, stays)?.0.count == 1)
  }

  @Test func aHeartbeatTellsHowFarTheEventsCame() {
    let rig = Rig()
    let route = pull(rig, after: 0, EventFilter(queues: ["none"]))
    rig.run(for: .seconds(1))
    for _ in 0..<3 { rig.enqueue() }
    let said = rig.run(for: .seconds(4))
    #expect(events(rig, route, in: said)?.0.isEmpty == true)
    #expect(events(rig, route, in: said)?.1 == 3)
  }

  @Test func whatIsNoLongerInMemoryIsReadFromTheStore() {
    let rig = Rig { $0.eventsInMemory = 4 }
    for _ in 0..<10 { rig.enqueue() }
    guard case .events(.readFromStore(after: 2, through: 10))? = rig.reply(to: pull(rig, after: 2)) else {
      Issue.record("not sent to the store")
      return
    }
    #expect(events(rig, pull(rig, after: 8))?.0.map(\.cursor) == [9, 10])
  }

  @Test func afterARestartTheOldIsReadFromTheStoreAndTheNewComesFromMemory() {
    let rig = Rig()
    for _ in 0..<3 { rig.enqueue() }
    let next = Rig(storage: rig.storage, start: rig.now)
    guard case .events(.readFromStore(after: 1, _))? = next.reply(to: pull(next, after: 1)) else {
      Issue.record("not sent to the store")
      return
    }
    let route = pull(next, after: 3)
    next.enqueue()
    // No cursor that the first server may have shown is given again.
    #expect(events(next, route)?.0.map(\.cursor) == [(1 << 24) + 1])
  }

  /// A reader of the storage sees what is written before the engine hears that it is.
  @Test func whoIsAheadOfWhatIsConfirmedIsToldNothingTwice() {
    let rig = Rig()
    for _ in 0..<3 { rig.enqueue() }
    let route = pull(rig, after: 4)
    #expect(rig.reply(to: route) == nil)
    rig.enqueue()
    #expect(rig.reply(to: route) == nil)
    rig.enqueue()
    #expect(events(rig, route)?.0.map(\.cursor) == [5])
  }

  @Test func anyCursorLeadsToEveryLaterEventOnce() {
    let rig = Rig { $0.eventsInMemory = 50 }
    for number in 0..<200 { rig.enqueue(NewJob(queue: "q\(number % 3)", name: "n")) }
    for start in stride(from: Int64(0), to: 200, by: 7) {
      var cursor = start
      var seen: [Int64] = []
      while cursor < 200 {
        switch rig.reply(to: pull(rig, after: cursor, limit: 11)) {
        case .events(.events(let found, let next))?:
          seen += found.map(\.cursor)
          cursor = next
        case .events(.readFromStore(let after, _))?:
          guard case .events(let found, let next)? = try? rig.storage.reader.events(after: after, limit: 13) else {
            return
          }
          seen += found.map(\.cursor)
          cursor = next
        default:
          Issue.record("no answer")
          return
        }
      }
      #expect(seen == Array(start + 1...200))
    }
  }

  @Test func whoHasGoneIsNotAnswered() {
    let rig = Rig()
    let route = pull(rig, after: 0)
    rig.tick([.forget(route)])
    rig.enqueue()
    #expect(rig.reply(to: route) == nil)
  }

  @Test func aWaitEndsWithTheJob() {
    let rig = Rig()
    let worker = rig.connect("w")
    let id = rig.enqueue()
    let lease = rig.jobs(worker).map(\.lease)
    let (waiting, gone) = (rig.route(), rig.route())
    rig.tick([.waitForEnd(jobID: id, waiting), .waitForEnd(jobID: id, gone), .forget(gone)])
    #expect(rig.reply(to: waiting) == nil)
    rig.succeed(worker, lease)
    guard case .ended? = rig.reply(to: waiting) else {
      Issue.record("waits on")
      return
    }
    #expect(rig.reply(to: gone) == nil)
  }

  @Test func aWaitEndsWhenTheJobIsDeletedOneByOneOrByAPurge() {
    let rig = Rig()
    let (a, b) = (rig.enqueue(), rig.enqueue())
    let (one, two) = (rig.route(), rig.route())
    rig.tick([.waitForEnd(jobID: a, one), .waitForEnd(jobID: b, two)])
    rig.tick([.control(.delete(jobID: a), rig.route())])
    #expect(rig.reply(to: one) != nil)
    #expect(rig.reply(to: two) == nil)
    rig.tick([.sweep(Sweep(action: .delete, queue: "default", states: [.ready]), rig.route())])
    #expect(rig.reply(to: two, in: rig.effects + rig.run(for: .zero)) != nil)
  }
}

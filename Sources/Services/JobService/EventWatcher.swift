import Engine
import Jobs
import NIOCore
import RPC
import Wire

/// One StreamEvents: pulls a batch when the last one has left, from the engine's memory or, when it fell behind, from the store.
/// So a slow reader holds up nobody and loses nothing.
final class EventWatcher: CallHandler, Answerable {
  private enum Phase {
    case asking
    /// Learns what "now" is, which a cursor given must not lie beyond.
    case placing
    /// A batch is asked of the engine.
    case pulling
    /// A batch is asked of the store.
    case reading
    /// The caller does not read fast enough.
    case held
    case over
  }

  private let call: ServerCall
  private let desk: LoopDesk
  private var phase = Phase.asking
  private var filter = EventFilter()
  private var route: Route?
  /// Where the caller wants to begin; nil: now.
  private var start: Int64?
  /// Everything up to here has been sent.
  private var cursor: Int64 = 0
  /// What is read from the store counts up to here.
  private var confirmed: Int64 = 0

  /// Events in one pull.
  private static let pull = 512
  private static let page = 1_024
  /// Bytes of events in one message, about.
  private static let messageSize = 512 << 10

  init(call: ServerCall, desk: LoopDesk) {
    self.call = call
    self.desk = desk
  }

  func message(_ message: ByteBuffer, call: ServerCall) {
    guard phase == .asking, call.isOpen else { return }
    let request: EventsRequest
    do throws(Status) {
      request = try message.decode(desk.codec.decodeStreamEventsRequest)
      try call.mayUse(request.queues, as: "queues")
    } catch {
      return call.finish(error)
    }
    if desk.isDraining { return call.finish(.shuttingDown) }
    filter = EventFilter(
      queues: Set(request.queues), names: Set(request.names), jobIDs: Set(request.jobIDs), kinds: request.kinds,
      batchID: request.batchID, scope: call.scope)
    start = request.after
    let route = desk.enter(.other(self))
    self.route = route
    phase = .placing
    desk.tell(.pullEvents(EventPull(filter: filter, after: nil), route))
  }

  func answer(_ reply: Reply, desk: LoopDesk) {
    guard call.isOpen else { return }
    switch (phase, reply) {
    case (.placing, .events(.events(_, let now))): place(now)
    case (.pulling, .events(.events(let events, let next))): send(events, next)
    case (.pulling, .events(.readFromStore(let place, let end))): read(after: place, through: end)
    case (_, .failed(let error)): call.finish(Status(error))
    default: break
    }
  }

  /// Tells the caller at once where it stands, so that it knows that no later event is missed.
  private func place(_ now: Int64) {
    if let start, start > now {
      return call.finish(
        Status(.outOfRange, "this cursor is beyond the newest event; the newest cursor is \(now)"))
    }
    cursor = start ?? now
    say([])
    // Only the store knows whether a place is trimmed; what is in memory may be older than what is kept.
    if let start, start < now { read(after: start, through: now) } else { pull() }
  }

  func answer(_ answer: ReadAnswer, desk: LoopDesk) {
    guard call.isOpen, phase == .reading else { return }
    switch answer {
    case .events(.events(let events, let next)):
      // The storage may hold more than it has confirmed: that is told when it is confirmed, once, and cannot be lost any more.
      // Where it has nothing there is nothing up to there: cursors were left out, as after a loss of power.
      let next = events.isEmpty ? confirmed : min(next, confirmed)
      send(events.filter { $0.cursor <= confirmed && filter.matches($0) }, next)
    case .events(.trimmed(let oldest)):
      // "0" asks for the oldest there is, whatever it is.
      if cursor == 0, start == 0 {
        cursor = oldest
        return read(after: oldest, through: confirmed)
      }
      call.finish(
        Status(
          // The only number in the text, for programs that look for it.
          .outOfRange, "the events after this cursor are no longer stored; the oldest cursor is \(oldest)"))
    case .failed(let error): call.finish(Status(error))
    case .job, .jobs: call.finish(.confused)
    }
  }

  private func send(_ events: [Event], _ next: Int64) {
    cursor = next
    say(events)
    pull()
  }

  private func say(_ events: [Event]) {
    var index = 0
    repeat {
      let (size, end) = desk.codec.encodeStreamEventsResponse(
        events, from: index, cursor: cursor, size: EventWatcher.messageSize)
      call.send(desk.codec, size)
      index = end
    } while index < events.count
  }

  private func pull() {
    guard let route, call.isOpen else { return }
    guard call.isWritable else {
      phase = .held
      return
    }
    phase = .pulling
    desk.tell(.pullEvents(EventPull(filter: filter, after: cursor, limit: EventWatcher.pull), route))
  }

  private func read(after place: Int64, through end: Int64) {
    guard let route else { return }
    confirmed = end
    phase = .reading
    guard desk.read(.events(after: place, limit: EventWatcher.page), route) != nil else {
      return call.finish(.overloaded)
    }
  }

  func writable(call: ServerCall) {
    if phase == .held { pull() }
  }

  func serverDrains(desk: LoopDesk) { call.finish(.shuttingDown) }

  func ended(_ reason: CallEnd, call: ServerCall) {
    phase = .over
    guard let route else { return }
    desk.leave(route)
    desk.tell(.forget(route))
  }
}

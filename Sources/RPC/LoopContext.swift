import HTTP2
import NIOCore

/// What all connections of one event loop share. Confined to that loop.
public final class LoopContext {
  public let eventLoop: any EventLoop
  package let budget: OutputBudget
  package let scratch = HTTP2Scratch()
  let taskExecutor: LoopTaskExecutor
  let plainHead = HTTP2StaticHeaders([(":status", "200"), ("content-type", "application/grpc")])
  let okTrailers = HTTP2StaticHeaders([("grpc-status", "0")])
  let gzip = Gzip()

  /// The event list that is being handled, kept for its memory.
  private var spareEvents: [HTTP2Event] = []

  public init(eventLoop: any EventLoop, budget: OutputBudget = OutputBudget(limit: .max)) {
    self.budget = budget
    self.eventLoop = eventLoop
    taskExecutor = LoopTaskExecutor(eventLoop)
  }

  func takeEvents() -> [HTTP2Event] {
    var events: [HTTP2Event] = []
    swap(&events, &spareEvents)
    scratch.takeEvents(into: &events)
    return events
  }

  func giveBack(_ events: consuming [HTTP2Event]) {
    guard events.capacity <= 4096 else { return }
    spareEvents = events
  }
}

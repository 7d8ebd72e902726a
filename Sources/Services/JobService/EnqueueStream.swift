import Engine
import Jobs
import NIOCore
import RPC
import Wire

/// One EnqueueStream: batches go to the engine as they come, answers leave in the same order. It is not read while too many are
/// on their way, or the caller does not read the answers.
final class EnqueueStream: CallHandler, Answerable, Pausable {
  /// One batch on its way.
  private final class Part: Answerable {
    let stream: EnqueueStream
    let plan: BatchPlan
    var route: Route?
    var results: [BatchResult]?

    init(_ stream: EnqueueStream, _ plan: BatchPlan) {
      self.stream = stream
      self.plan = plan
    }

    func answer(_ reply: Reply, desk: LoopDesk) {
      if let route { desk.leave(route) }
      if case .enqueued(let stored, _) = reply {
        results = plan.results(stored)
      } else {
        // The stream goes on: each job of this batch is told.
        results = plan.results(failing: Status(reply))
      }
      stream.answerParts()
    }
  }

  private let call: ServerCall
  private let desk: LoopDesk
  private var parts: [Part] = []
  private var size = 0
  /// Jobs that were given to the engine.
  private var count = 0
  private var isPaused = false
  private var isHalfClosed = false
  /// The server goes away: what has come is answered, no more is taken.
  private var isClosing = false
  /// A request was wrong: the stream ends with this once all before it are answered, for those are stored.
  private var failure: Status?
  /// Only to hear that the server goes away.
  private var route: Route?

  private static let maxParts = 64
  private static let maxBytes = 4 << 20

  init(call: ServerCall, desk: LoopDesk) {
    self.call = call
    self.desk = desk
    if desk.isDraining {
      call.finish(.shuttingDown)
    } else {
      route = desk.enter(.other(self))
    }
  }

  func answer(_ reply: Reply, desk: LoopDesk) {}

  func serverDrains(desk: LoopDesk) {
    isClosing = true
    finishIfDone()
  }

  func message(_ message: ByteBuffer, call: ServerCall) {
    guard call.isOpen, !isClosing, failure == nil else { return }
    let batch: BatchRequest
    do throws(Status) {
      batch = try message.decode { (bytes) throws(WireError) in
        try desk.codec.decodeEnqueueBatchRequest(bytes, now: desk.now)
      }
    } catch {
      failure = error
      return finishIfDone()
    }
    let part = Part(self, BatchPlan(batch, of: call))
    parts.append(part)
    size += part.plan.size
    if part.plan.isAnswered {
      part.results = part.plan.results()
      answerParts()
    } else {
      let route = desk.enter(.other(part))
      part.route = route
      count += part.plan.group.jobs.count
      let command = call.audited(enqueueing: part.plan.group, part.plan.durability, route, count: count)
      desk.tell(command, size: part.plan.size, slowing: (call, self))
    }
    pauseIfNeeded()
  }

  func halfClosed(call: ServerCall) {
    isHalfClosed = true
    finishIfDone()
  }

  func writable(call: ServerCall) { answerParts() }

  func relieved(desk: LoopDesk) {
    isPaused = true
    pauseIfNeeded()
  }

  func ended(_ reason: CallEnd, call: ServerCall) {
    // What was asked is stored all the same; nobody is left to be told.
    for part in parts { if let route = part.route { desk.leave(route) } }
    parts = []
    if let route { desk.leave(route) }
    route = nil
  }

  private func answerParts() {
    while call.isWritable, let part = parts.first, let results = part.results {
      parts.removeFirst()
      size -= part.plan.size
      call.send(desk.codec, desk.codec.encodeEnqueueBatchResponse(results))
    }
    finishIfDone()
    pauseIfNeeded()
  }

  private func finishIfDone() {
    guard parts.isEmpty else { return }
    if let failure {
      call.finish(failure)
    } else if isHalfClosed {
      call.finish()
    } else if isClosing {
      call.finish(.shuttingDown)
    }
  }

  private func pauseIfNeeded() {
    let isBusy = parts.count >= EnqueueStream.maxParts || size >= EnqueueStream.maxBytes || !call.isWritable
    if isBusy, !isPaused {
      isPaused = true
      call.pauseReading()
    } else if !isBusy, isPaused {
      isPaused = false
      call.resumeReading()
    }
  }
}

import Engine
import Jobs
import NIOCore
import RPC

/// One call about limits, batches or recurring jobs: one question to the engine, one answer.
final class FlowCall: Answerable {
  private let call: ServerCall
  /// For people: what was not found.
  private let what: String
  private var route: Route?

  init(call: ServerCall, _ what: String) {
    self.call = call
    self.what = what
  }

  /// - Parameter fill: what an audit of it is about.
  func start(
    _ desk: LoopDesk, _ command: FlowCommand, _ fill: ((inout Audit) -> Void)? = nil
  ) throws(Status) {
    let isAsked = desk.ask(.other(self)) { route in
      self.route = route
      let command = Command.flow(command.within(call.scope), route)
      return fill.map { call.audited(command, route, what, $0) } ?? command
    }
    if !isAsked { throw .overloaded }
  }

  func answer(_ reply: Reply, desk: LoopDesk) {
    if let route { desk.leave(route) }
    guard call.isOpen else { return }
    guard case .flow(let reply) = reply else { return call.finish(Status(reply)) }
    let codec = desk.codec
    switch reply {
    case .done: call.reply(codec, codec.encodeEmptyResponse())
    case .notFound: call.finish(Status(.notFound, "no \(what)"))
    case .foreign: call.finish(Status(.alreadyExists, "\(what): the id is taken"))
    case .notWholly: call.finish(Status(.permissionDenied, "\(what) has jobs of queues that are not yours"))
    case .finished: call.finish(Status(.failedPrecondition, "\(what) is finished: its callbacks cannot be changed"))
    case .limits(let views, let next): call.reply(codec, codec.encodeListLimitsResponse(views, next: next))
    case .batch(let view): call.reply(codec, codec.encodeBatchResponse(view))
    case .batches(let views, let next): call.reply(codec, codec.encodeListBatchesResponse(views, next: next))
    case .recurring(let view): call.reply(codec, codec.encodePutRecurringJobResponse(view))
    case .recurringPage(let page): call.reply(codec, codec.encodeListRecurringJobsResponse(page))
    case .triggered(let id): call.reply(codec, codec.encodeTriggerResponse(jobID: id))
    }
  }
}

/// CancelBatch: closes it, cancels all that is not final in slices, and shows what it came to.
final class CancelBatchCall: CallHandler, Answerable {
  private enum Step {
    case closing
    case sweeping
    case looking
  }
  private let call: ServerCall
  private let desk: LoopDesk
  private var id = ""
  private var reason = ""
  private var step = Step.closing
  private var route: Route?

  init(call: ServerCall, desk: LoopDesk) {
    self.call = call
    self.desk = desk
  }

  func message(_ message: ByteBuffer, call: ServerCall) {
    guard route == nil, call.isOpen else { return }
    do throws(Status) {
      (id, reason) = try message.decode(desk.codec.decodeCancelBatchRequest)
    } catch {
      return call.finish(error)
    }
    if desk.isDraining { return call.finish(.shuttingDown) }
    let route = desk.enter(.other(self))
    self.route = route
    let command = Command.flow(FlowCommand.closeBatch(id, reason: reason).within(call.scope), route)
    desk.tell(call.audited(command, route, "batch \(id)") { $0.batchID = id })
  }

  func answer(_ reply: Reply, desk: LoopDesk) {
    guard call.isOpen, let route else { return }
    switch (step, reply) {
    case (_, .flow(.notFound)): call.finish(Status(.notFound, "no batch \(id)"))
    case (_, .flow(.notWholly)):
      call.finish(Status(.permissionDenied, "batch \(id) has jobs of queues that are not yours"))
    case (.closing, .flow(.batch)):
      step = .sweeping
      var query = JobQuery()
      query.batchID = id
      query.states = [.scheduled, .ready, .running, .retrying, .blocked]
      desk.tell(.sweep(Sweep(action: .cancel(reason: reason), query: query), route))
    case (.sweeping, .swept):
      step = .looking
      desk.tell(.flow(.batch(id), route))
    case (.looking, .flow(.batch(let view))): call.reply(desk.codec, desk.codec.encodeBatchResponse(view))
    default: call.finish(Status(reply))
    }
  }

  func serverDrains(desk: LoopDesk) { call.finish(.shuttingDown) }

  func ended(_ reason: CallEnd, call: ServerCall) {
    guard let route else { return }
    desk.leave(route)
    if step == .sweeping { desk.tell(.forget(route)) }
    self.route = nil
  }
}

import Engine
import Jobs
import RPC

/// One EnqueueBatch.
final class BatchCall: Answerable {
  private let call: ServerCall
  private var plan: BatchPlan?
  private var route: Route?

  init(call: ServerCall) { self.call = call }

  func start(_ plan: BatchPlan, desk: LoopDesk) {
    self.plan = plan
    if plan.isAnswered { return call.reply(desk.codec, desk.codec.encodeEnqueueBatchResponse(plan.results())) }
    let isAsked = desk.ask(.other(self), size: plan.size) {
      route = $0
      return call.audited(enqueueing: plan.group, plan.durability, $0, count: plan.group.jobs.count)
    }
    if !isAsked { call.finish(.overloaded) }
  }

  func answer(_ reply: Reply, desk: LoopDesk) {
    if let route { desk.leave(route) }
    guard call.isOpen, let plan else { return }
    guard case .enqueued(let results, _) = reply else { return call.finish(Status(reply)) }
    call.reply(desk.codec, desk.codec.encodeEnqueueBatchResponse(plan.results(results)))
  }
}

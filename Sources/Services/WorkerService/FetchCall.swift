import Engine
import Jobs
import NIOCore
import RPC
import Wire

/// One Fetch: waits for jobs in the engine, at most as long as it says and not past the call's deadline.
final class FetchCall: CallHandler, Answerable {
  private let call: ServerCall
  private let desk: LoopDesk
  private var workerID = ""
  private var route: Route?
  /// For the question that ends an abandoned call, see `ended`.
  private var fence: Route?
  private var isEnded = false

  init(call: ServerCall, desk: LoopDesk) {
    self.call = call
    self.desk = desk
  }

  func message(_ message: ByteBuffer, call: ServerCall) {
    guard route == nil, call.isOpen else { return }
    var fetch: Fetch
    do throws(Status) {
      fetch = try message.decode(desk.codec.decodeFetchRequest)
      try call.mayTake(fetch.subscriptions)
    } catch {
      return call.finish(error)
    }
    workerID = fetch.workerID
    fetch.address = call.callerAddress
    fetch.scope = call.scope
    if let deadline = call.deadline {
      // An empty answer in time, rather than jobs to a caller who has given up.
      let left = (deadline - call.eventLoop.now).nanoseconds / 1_000
      let margin = min(300_000, max(30_000, left / 10))
      fetch.maxWait = min(fetch.maxWait, Interval(microseconds: max(0, left - margin)))
    }
    let isAsked = desk.ask(.other(self)) {
      route = $0
      return .fetch(fetch, $0)
    }
    if !isAsked {
      route = nil
      call.finish(.overloaded)
    }
  }

  func answer(_ reply: Reply, desk: LoopDesk) {
    guard let route else { return }
    switch reply {
    case .fenced:
      // The fence: whatever was on its way has come.
      leave()
    case .fetched(let jobs, _) where isEnded || !call.isOpen: giveBack(jobs.map(\.lease), route)
    case .fetched(let jobs, let lease):
      if !jobs.isEmpty {
        let leases = jobs.map(\.lease)
        call.undelivered = { self.giveBack(leases, route) }
      }
      leave()
      call.reply(desk.codec, desk.codec.encodeFetchResponse(jobs, lease: lease))
    case .notOwn:
      leave()
      call.finish(.workerOfAnother)
    default:
      leave()
      call.finish(Status(reply))
    }
  }

  private func leave() {
    if let route { desk.leave(route) }
    if let fence { desk.leave(fence) }
    route = nil
    fence = nil
  }

  /// The caller has gone while its jobs were on their way: others should have them at once, and it counts as no attempt.
  private func giveBack(_ leases: [Lease], _ route: Route) {
    if leases.isEmpty { return }
    desk.tell(
      .report(
        Report(workerID: workerID, outcomes: leases.map { WorkerOutcome(lease: $0, how: .release(delay: nil)) }),
        route))
  }

  func ended(_ reason: CallEnd, call: ServerCall) {
    isEnded = true
    guard let route else { return }
    // An answer may be on its way: the route stays until the engine has heard that no more is wanted.
    desk.tell(.forget(route))
    let fence = desk.enter(.other(self))
    self.fence = fence
    desk.tell(.fence(fence))
  }
}

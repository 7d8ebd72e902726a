import Engine
import Jobs
import RPC

/// CancelJob, RetryJob or DeleteJob.
final class ControlCall: Answerable {
  enum Verb: String {
    case cancel
    case retry
    case delete
  }

  private let call: ServerCall
  private let jobID: String
  private let verb: Verb
  private var route: Route?

  init(call: ServerCall, jobID: String, verb: Verb) {
    self.call = call
    self.jobID = jobID
    self.verb = verb
  }

  func start(_ control: Control, desk: LoopDesk) throws(Status) {
    let isAsked = desk.ask(.other(self)) { route in
      self.route = route
      let command = Command.control(control.within(call.scope), route)
      return call.audited(command, route, "job \(jobID)") { $0.jobID = jobID }
    }
    if !isAsked { throw .overloaded }
  }

  func answer(_ reply: Reply, desk: LoopDesk) {
    if let route { desk.leave(route) }
    guard call.isOpen else { return }
    guard case .controlled(let result) = reply else { return call.finish(Status(reply)) }
    switch result {
    case .notFound: call.finish(.unknownJob(jobID))
    case .refused(.canceled) where verb == .cancel: show(desk)
    case .refused(.dead) where verb == .retry, .refused(.canceled) where verb == .retry,
      .refused(.expired) where verb == .retry:
      call.finish(Status(.failedPrecondition, "job \(jobID): another job holds its unique key"))
    case .refused(let state):
      call.finish(Status(.failedPrecondition, "job \(jobID) is \(state.name): \(verb.rawValue) is not possible"))
    case .done, .running:
      if verb == .delete { return call.reply(desk.codec, desk.codec.encodeEmptyResponse()) }
      show(desk)
    }
  }

  private func show(_ desk: LoopDesk) {
    do throws(Status) {
      try JobCall(call: call, purpose: .show).start(jobID, desk: desk)
    } catch {
      call.finish(error)
    }
  }
}

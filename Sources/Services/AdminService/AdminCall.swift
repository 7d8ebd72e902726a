import Engine
import RPC

/// Any call of AdminService that the engine answers: one question, one answer.
final class AdminCall: Answerable {
  private let call: ServerCall
  /// What the call is about, in words, for what is said when it is not there.
  private let subject: String
  /// Of a list's page: one more was asked for, to see whether there is another.
  private let limit: Int
  private var route: Route?

  init(call: ServerCall, about subject: String = "", limit: Int = 0) {
    self.call = call
    self.subject = subject
    self.limit = limit
  }

  func start(_ desk: LoopDesk, _ command: (Route) -> Command) throws(Status) {
    let isAsked = desk.ask(.other(self)) {
      route = $0
      return command($0)
    }
    if !isAsked { throw .overloaded }
  }

  func answer(_ reply: Reply, desk: LoopDesk) {
    if let route { desk.leave(route) }
    guard call.isOpen else { return }
    switch reply {
    case .done: call.reply(desk.codec, desk.codec.encodeEmptyResponse())
    case .notFound: call.finish(Status(.notFound, "no \(subject)"))
    case .notOwn:
      call.finish(Status(.permissionDenied, "\(subject) takes from queues that are not yours"))
    case .hasJobs:
      call.finish(Status(.failedPrecondition, "\(subject) has jobs, finished ones counted in; purge it first"))
    case .swept(let count): call.reply(desk.codec, desk.codec.encodeCountResponse(count))
    case .queues(let views): call.reply(desk.codec, desk.codec.encodeQueues(views, limit: limit))
    case .workers(let views): call.reply(desk.codec, desk.codec.encodeWorkers(views, limit: limit))
    default: call.finish(Status(reply))
    }
  }
}

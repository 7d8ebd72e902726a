import Engine
import Jobs
import RPC

/// One Report.
final class ReportCall: Answerable {
  private let call: ServerCall
  private var route: Route?

  init(call: ServerCall) { self.call = call }

  func start(_ report: Report, desk: LoopDesk) throws(Status) {
    var size = 0
    for outcome in report.outcomes {
      if case .success(let result) = outcome.how { size += result.count }
    }
    let isAsked = desk.ask(.other(self), size: size) {
      route = $0
      return .report(report, $0)
    }
    if !isAsked { throw .overloaded }
  }

  func answer(_ reply: Reply, desk: LoopDesk) {
    if let route { desk.leave(route) }
    guard call.isOpen else { return }
    guard case .reported(let results, let notices) = reply else { return call.finish(Status(reply)) }
    call.reply(desk.codec, desk.codec.encodeReportResponse(results, notices))
  }
}

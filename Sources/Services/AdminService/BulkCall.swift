import Engine
import Jobs
import NIOCore
import RPC
import Wire

/// One ChangeJobs: looks a page of jobs up, changes them, looks for the next, until there is none or the call ends. What was done then
/// stays done. Jobs that come in meanwhile are not among them: it goes from the newest to the oldest. Retries go the other
/// way, within the engine: what depends on others waits for them.
final class BulkCall: CallHandler, Answerable {
  private let call: ServerCall
  private let desk: LoopDesk
  private var change: BulkChange?
  private var route: Route?
  private var ticket: ReadTicket?
  /// The engine goes through the jobs.
  private var isSwept = false
  /// Changes of this page whose answers have not come.
  private var waiting = 0
  private var next: Int64?
  private var changed: UInt64 = 0

  /// Jobs of a page: few enough for others to be served between them.
  private static let page = 256

  init(call: ServerCall, desk: LoopDesk) {
    self.call = call
    self.desk = desk
  }

  func message(_ message: ByteBuffer, call: ServerCall) {
    guard change == nil, call.isOpen else { return }
    do throws(Status) {
      change = try message.decode(desk.codec.decodeChangeJobsRequest)
      try call.mayUse(change?.query.queue ?? "")
      change?.query.scope = call.scope
    } catch {
      return call.finish(error)
    }
    if desk.isDraining { return call.finish(.shuttingDown) }
    let route = desk.enter(.other(self))
    self.route = route
    if let change, case .retry(let resetAttempts) = change.action {
      var query = change.query
      let concerned = Set(JobState.allCases.filter(change.concerns))
      query.states = query.states.isEmpty ? concerned : query.states.intersection(concerned)
      // None; an empty filter would mean all.
      if query.states.isEmpty { return goOn() }
      isSwept = true
      let sweep = Sweep(action: .retry(resetAttempts: resetAttempts), query: query)
      return desk.tell(call.audited(.sweep(sweep, route), route, change.subject) { $0.queue = query.queue })
    }
    if let change, change.changes {
      let fence = call.audited(.fence(route), route, change.subject) { $0.queue = change.query.queue }
      if case .audited = fence { desk.tell(fence) }
    }
    look(before: nil)
  }

  private func look(before: Int64?) {
    guard let change, let route else { return }
    var query = change.query
    query.limit = Self.page
    query.before = before
    ticket = desk.read(.jobs(query), route)
    if ticket == nil { call.finish(.overloaded) }
  }

  func answer(_ answer: ReadAnswer, desk: LoopDesk) {
    guard call.isOpen, let change, let route else { return }
    switch answer {
    case .jobs(let page):
      next = page.next
      for record in page.jobs where change.concerns(record.state) {
        if let control = change.control(record.job.id) {
          waiting += 1
          desk.tell(.control(control.within(change.query.scope), route))
        } else {
          changed += 1
        }
      }
      if waiting == 0 { goOn() }
    case .failed(let error): call.finish(Status(error))
    case .job, .events: call.finish(.confused)
    }
  }

  func answer(_ reply: Reply, desk: LoopDesk) {
    guard call.isOpen else { return }
    switch reply {
    // Of what was told of the change as a whole.
    case .fenced: return
    case .swept(let count): return call.reply(desk.codec, desk.codec.encodeCountResponse(count))
    // A running one that is to be canceled is told so.
    case .controlled(.done), .controlled(.running): changed += 1
    // It changed between the look and now, or its unique key is held.
    case .controlled(.refused), .controlled(.notFound): break
    default: return call.finish(Status(reply))
    }
    waiting -= 1
    if waiting == 0 { goOn() }
  }

  private func goOn() {
    if let next { return look(before: next) }
    call.reply(desk.codec, desk.codec.encodeCountResponse(changed))
  }

  func serverDrains(desk: LoopDesk) { call.finish(.shuttingDown) }

  func ended(_ reason: CallEnd, call: ServerCall) {
    ticket?.withdraw()
    if let route {
      desk.leave(route)
      if isSwept { desk.tell(.forget(route)) }
    }
    route = nil
  }
}

extension BulkChange {
  fileprivate var changes: Bool { if case .count = action { false } else { true } }

  /// For the log.
  fileprivate var subject: String {
    let word =
      switch action {
      case .count: "count"
      case .retry: "retry"
      case .cancel: "cancel"
      case .delete: "delete"
      }
    return query.queue.isEmpty ? "\(word) jobs" : "\(word) jobs of queue \(query.queue)"
  }
}

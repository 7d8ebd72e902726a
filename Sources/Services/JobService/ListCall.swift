import Engine
import Jobs
import NIOCore
import RPC
import Wire

/// One ListJobs, read once all is stored that was decided before. Looking ends when its caller has gone.
final class ListCall: CallHandler, Answerable {
  private let call: ServerCall
  private let desk: LoopDesk
  private var route: Route?
  private var ticket: ReadTicket?
  /// Until it is asked.
  private var query: JobQuery?
  private var page: JobPage?

  init(call: ServerCall, desk: LoopDesk) {
    self.call = call
    self.desk = desk
  }

  func message(_ message: ByteBuffer, call: ServerCall) {
    guard route == nil, call.isOpen else { return }
    var query: JobQuery
    do throws(Status) {
      query = try message.decode(desk.codec.decodeListJobsRequest)
      try call.mayUse(query.queue)
    } catch {
      return call.finish(error)
    }
    query.scope = call.scope
    self.query = query
    let route = desk.enter(.other(self))
    self.route = route
    desk.tell(.fence(route))
  }

  private func look() {
    guard let query, let route else { return }
    self.query = nil
    ticket = desk.read(.jobs(query), route)
    if ticket == nil { call.finish(.overloaded) }
  }

  func answer(_ answer: ReadAnswer, desk: LoopDesk) {
    guard let route, call.isOpen else { return }
    switch answer {
    case .jobs(let page):
      self.page = page
      if page.jobs.allSatisfy(\.state.isFinal) { return show([]) }
      desk.tell(.annotate(page.jobs, route))
    case .failed(let error): call.finish(Status(error))
    case .job, .events: call.finish(.confused)
    }
  }

  func answer(_ reply: Reply, desk: LoopDesk) {
    guard call.isOpen else { return }
    // Also when the storage takes no writes: it may yet be read.
    if query != nil { return look() }
    guard case .annotated(let annotations) = reply else { return call.finish(Status(reply)) }
    show(annotations)
  }

  private func show(_ annotations: [Annotation]) {
    guard let page else { return }
    let token = page.next.map { String($0) } ?? ""
    call.reply(desk.codec, desk.codec.encodeListJobsResponse(page.jobs, annotations, nextPageToken: token))
  }

  func ended(_ reason: CallEnd, call: ServerCall) {
    ticket?.withdraw()
    if let route { desk.leave(route) }
    route = nil
  }
}

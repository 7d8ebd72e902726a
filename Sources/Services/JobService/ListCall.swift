import Engine
import Jobs
import RPC

/// One ListJobs.
final class ListCall: Answerable {
  private let call: ServerCall
  private var route: Route?
  private var page: JobPage?

  init(call: ServerCall) { self.call = call }

  func start(_ query: JobQuery, desk: LoopDesk) throws(Status) {
    let route = desk.enter(.other(self))
    self.route = route
    guard desk.read(.jobs(query), route) else {
      desk.leave(route)
      throw .overloaded
    }
  }

  func answer(_ answer: ReadAnswer, desk: LoopDesk) {
    guard let route, call.isOpen else { return end(desk) }
    switch answer {
    case .jobs(let page):
      self.page = page
      if page.jobs.allSatisfy(\.state.isFinal) { return show([], desk) }
      desk.tell(.annotate(page.jobs, route))
    case .failed(let error):
      end(desk)
      call.finish(Status(error))
    case .job, .events:
      end(desk)
      call.finish(.confused)
    }
  }

  func answer(_ reply: Reply, desk: LoopDesk) {
    guard call.isOpen else { return end(desk) }
    guard case .annotated(let annotations) = reply else {
      end(desk)
      return call.finish(Status(reply))
    }
    show(annotations, desk)
  }

  private func show(_ annotations: [Annotation], _ desk: LoopDesk) {
    end(desk)
    guard let page else { return }
    let token = page.next.map { String($0) } ?? ""
    call.reply(desk.codec, desk.codec.encodeListJobsResponse(page.jobs, annotations, nextPageToken: token))
  }

  private func end(_ desk: LoopDesk) {
    if let route { desk.leave(route) }
    route = nil
  }
}

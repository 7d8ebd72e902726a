import Engine
import Jobs
import RPC

/// A call that ends with one job shown: read by a reader thread once all is stored that was decided before, as a start that a worker has heard
/// of, then completed with what only the engine knows.
final class JobCall: Answerable {
  enum Purpose {
    case show
    case explain
  }

  private let call: ServerCall
  private let purpose: Purpose
  private var jobID = ""
  private var record: JobRecord?
  private var route: Route?
  /// A job may move on each time that it is looked at.
  private var looks = 0
  private static let maxLooks = 3

  init(call: ServerCall, purpose: Purpose) {
    self.call = call
    self.purpose = purpose
  }

  func start(_ jobID: String, desk: LoopDesk) throws(Status) {
    self.jobID = jobID
    let route = desk.enter(.other(self))
    self.route = route
    desk.tell(.fence(route))
  }

  private func look(desk: LoopDesk) {
    guard let route, call.isOpen else { return end(desk) }
    looks += 1
    if desk.read(.job(id: jobID), route) == nil { finish(.overloaded, desk) }
  }

  func answer(_ answer: ReadAnswer, desk: LoopDesk) {
    guard let route, call.isOpen else { return end(desk) }
    switch answer {
    case .job(let record?) where !call.scope.covers(record.job.queue): finish(.unknownJob(jobID), desk)
    case .job(let record?):
      self.record = record
      switch purpose {
      case .show:
        // Nothing more is to be known of a finished job.
        if record.state.isFinal { return show(Annotation(waitingReason: ""), desk: desk) }
        desk.tell(.annotate([record], route))
      case .explain: desk.tell(.explain(record, within: call.scope, route))
      }
    case .job(nil): finish(.unknownJob(jobID), desk)
    case .failed(let error): finish(Status(error), desk)
    case .jobs, .events: finish(.confused, desk)
    }
  }

  func answer(_ reply: Reply, desk: LoopDesk) {
    // Also when the storage takes no writes: it may yet be read.
    guard let record else { return look(desk: desk) }
    guard call.isOpen else { return end(desk) }
    switch reply {
    case .annotated(let annotations):
      let annotation = annotations.first ?? Annotation(waitingReason: "")
      if annotation.isOutdated, looks < Self.maxLooks { return lookAgain(desk: desk) }
      show(annotation, desk: desk)
    case .explained(let explanation):
      if explanation.annotation.isOutdated, looks < Self.maxLooks { return lookAgain(desk: desk) }
      end(desk)
      call.reply(desk.codec, desk.codec.encodeExplainJobResponse(record, explanation))
    default: finish(Status(reply), desk)
    }
  }

  /// What has happened to the job meanwhile is stored first.
  private func lookAgain(desk: LoopDesk) {
    record = nil
    if let route { desk.tell(.fence(route)) }
  }

  private func show(_ annotation: Annotation, desk: LoopDesk) {
    end(desk)
    guard let record else { return }
    call.reply(desk.codec, desk.codec.encodeJobResponse(record, annotation))
  }

  private func finish(_ status: Status, _ desk: LoopDesk) {
    end(desk)
    call.finish(status)
  }

  private func end(_ desk: LoopDesk) {
    if let route { desk.leave(route) }
    route = nil
  }
}

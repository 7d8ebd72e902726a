import Engine
import Jobs
import NIOCore
import RPC
import Wire

/// One WaitJob: answers when the job is final, or with its state so far shortly before the call's deadline.
final class JobWaiter: CallHandler, Answerable {
  private enum Phase {
    case asking
    /// The engine is to tell of the job's end; is it there at all, and not final?
    case looking
    case waiting
    /// The last look.
    case concluding
    case over
  }

  private let call: ServerCall
  private let desk: LoopDesk
  private var phase = Phase.asking
  private var jobID = ""
  private var route: Route?
  private var timer: Scheduled<Void>?
  private var record: JobRecord?
  /// Looks whose answers have not come.
  private var looks = 0

  init(call: ServerCall, desk: LoopDesk) {
    self.call = call
    self.desk = desk
  }

  func message(_ message: ByteBuffer, call: ServerCall) {
    guard phase == .asking, call.isOpen else { return }
    do throws(Status) {
      jobID = try message.decode(desk.codec.decodeJobIDRequest)
    } catch {
      return finish(error)
    }
    if desk.isDraining { return finish(.shuttingDown) }
    let route = desk.enter(.other(self))
    self.route = route
    phase = .looking
    desk.tell(.waitForEnd(jobID: jobID, route))
    // Answered once the engine has taken note of the wait: an end committed after it is told, one before it is read.
    desk.tell(.fence(route))
    startTimer()
  }

  /// The state so far is worth more than a DEADLINE_EXCEEDED: it leaves a tenth of the time, at least 30 ms, before the deadline.
  private func startTimer() {
    guard let deadline = call.deadline else { return }
    let left = (deadline - call.eventLoop.now).nanoseconds
    let margin = min(300_000_000, max(30_000_000, left / 10))
    timer = call.eventLoop.assumeIsolated().scheduleTask(in: .nanoseconds(max(0, left - margin))) { [weak self] in
      self?.conclude()
    }
  }

  func answer(_ reply: Reply, desk: LoopDesk) {
    guard call.isOpen else { return }
    switch (phase, reply) {
    case (.looking, .fenced): look()
    case (.looking, .ended), (.waiting, .ended): conclude()
    case (.concluding, .annotated(let annotations)): show(annotations.first)
    case (_, .failed(let error)): finish(Status(error))
    default: break
    }
  }

  func answer(_ answer: ReadAnswer, desk: LoopDesk) {
    looks -= 1
    guard call.isOpen, phase == .looking || phase == .concluding else { return }
    switch answer {
    case .job(let record?) where !call.scope.covers(record.job.queue): finish(.unknownJob(jobID))
    // Another look is on its way, since what this one saw was about to change.
    case .job(let record?) where looks > 0 && !record.state.isFinal: break
    case .job(let record?):
      self.record = record
      if record.state.isFinal { return show(nil) }
      if phase == .concluding, let route { return desk.tell(.annotate([record], route)) }
      phase = .waiting
    case .job(nil): finish(.unknownJob(jobID))
    case .failed(let error): finish(Status(error))
    case .jobs, .events: finish(.confused)
    }
  }

  private func conclude() {
    guard phase == .looking || phase == .waiting else { return }
    phase = .concluding
    look()
  }

  private func look() {
    guard let route, desk.read(.job(id: jobID), route) != nil else { return finish(.overloaded) }
    looks += 1
  }

  private func show(_ annotation: Annotation?) {
    guard let record else { return }
    call.reply(desk.codec, desk.codec.encodeJobResponse(record, annotation ?? Annotation(waitingReason: "")))
  }

  func serverDrains(desk: LoopDesk) { finish(.shuttingDown) }

  private func finish(_ status: Status) { call.finish(status) }

  func ended(_ reason: CallEnd, call: ServerCall) {
    phase = .over
    timer?.cancel()
    timer = nil
    guard let route else { return }
    desk.leave(route)
    desk.tell(.forget(route))
  }
}

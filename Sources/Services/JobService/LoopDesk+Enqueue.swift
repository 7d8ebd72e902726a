import Engine
import Jobs
import RPC
import Wire

/// Enqueue and Schedule: one job, one answer.
extension LoopDesk {
  func enqueue(_ request: Request) throws(Status) {
    let (job, durability) = try request.decode(codec.decodeEnqueueRequest)
    try store(job, durability, .enqueue(request.call), request.call)
  }

  func schedule(_ request: Request) throws(Status) {
    let (job, durability) = try request.decode { (bytes) throws(WireError) in
      try codec.decodeScheduleRequest(bytes, now: now)
    }
    try store(job, durability, .schedule(request.call), request.call)
  }

  private func store(
    _ job: consuming NewJob, _ durability: Durability?, _ pending: Pending, _ call: ServerCall
  ) throws(Status) {
    try call.mayUse(job.queue, as: "job.queue")
    let size = job.body.count
    let group = EnqueueGroup(jobs: [job], scope: call.scope)
    guard ask(pending, size: size, { call.audited(enqueueing: group, durability, $0, count: 1) }) else {
      throw .overloaded
    }
  }

  func answerEnqueue(_ call: ServerCall, _ reply: Reply) {
    guard call.isOpen else { return }
    guard let stored = Stored(reply, call) else { return }
    call.reply(
      codec,
      codec.encodeEnqueueResponse(
        jobID: stored.id, duplicate: stored.duplicate, state: stored.state, durability: stored.durability))
  }

  func answerSchedule(_ call: ServerCall, _ reply: Reply) {
    guard call.isOpen else { return }
    guard let stored = Stored(reply, call) else { return }
    call.reply(
      codec,
      codec.encodeScheduleResponse(
        jobID: stored.id, duplicate: stored.duplicate, state: stored.state, runAt: stored.runAt,
        durability: stored.durability))
  }
}

/// The good end of an enqueue of one job.
private struct Stored {
  var id: String
  var duplicate: Bool
  var state: JobState
  var runAt: Timestamp
  var durability: Durability

  /// nil: it did not end well, and the call has been told.
  init?(_ reply: Reply, _ call: ServerCall) {
    // The caller's part of the tick's results, which begins where it does.
    guard case .enqueued(let results, let given) = reply, !results.isEmpty else {
      call.finish(Status(reply))
      return nil
    }
    switch results[results.startIndex] {
    case .stored(let id, let state, let runAt):
      call.auditIs(about: "job \(id)")
      self.init(id: id, duplicate: false, state: state, runAt: runAt, durability: given)
    case .duplicate(let id, let state, let runAt):
      self.init(id: id, duplicate: true, state: state, runAt: runAt, durability: given)
    case .conflict(let existing):
      call.finish(Status(.alreadyExists, "the unique key is held by job \(existing)"))
      return nil
    case .refused(let refusal):
      call.finish(Status(refusal))
      return nil
    case .withdrawn:
      call.finish(.confused)
      return nil
    }
  }

  private init(id: String, duplicate: Bool, state: JobState, runAt: Timestamp, durability: Durability) {
    self.id = id
    self.duplicate = duplicate
    self.state = state
    self.runAt = runAt
    self.durability = durability
  }
}

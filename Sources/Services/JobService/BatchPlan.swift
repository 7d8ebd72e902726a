import Engine
import Jobs
import RPC
import Wire

/// A batch on its way: the jobs to be stored, and the results known beforehand.
struct BatchPlan {
  let group: EnqueueGroup
  let durability: Durability?
  /// Bytes of the jobs.
  let size: Int
  /// One per entry of the request; nil: comes from the store.
  private var known: [BatchResult?]

  /// An invalid job has its answer now, and one for a queue that is not the caller's; in an all-or-nothing batch it then answers for all.
  init(_ request: BatchRequest, of call: ServerCall? = nil) {
    var jobs: [NewJob] = []
    var known: [BatchResult?] = []
    var size = 0
    for entry in request.entries {
      switch entry {
      case .job(let job):
        if let refusal = Self.refusal(job, of: call) {
          known.append(BatchResult(refusal))
          continue
        }
        jobs.append(job)
        known.append(nil)
        size += job.body.count
      case .refused(let error): known.append(BatchResult(Status(error)))
      }
    }
    if request.allOrNothing, jobs.count < known.count {
      known = known.map { $0 ?? .withdrawn }
      jobs = []
      size = 0
    }
    group = EnqueueGroup(jobs: jobs, allOrNothing: request.allOrNothing, scope: call?.scope)
    durability = request.durability
    self.known = known
    self.size = size
  }

  private static func refusal(_ job: NewJob, of call: ServerCall?) -> Status? {
    do throws(Status) {
      try call?.mayUse(job.queue, as: "job.queue")
      return nil
    } catch {
      return error
    }
  }

  /// Whether the engine has nothing to do for it.
  var isAnswered: Bool { group.jobs.isEmpty }

  /// The whole answer, with the store's results in their places.
  func results(_ stored: ArraySlice<EnqueueResult> = []) -> [BatchResult] {
    var rest = stored.makeIterator()
    return known.map { $0 ?? rest.next().map(BatchResult.init) ?? BatchResult(.confused) }
  }

  /// The same when the store gave none.
  func results(failing status: Status) -> [BatchResult] { known.map { $0 ?? BatchResult(status) } }
}

extension BatchResult {
  static let withdrawn = BatchResult(Status(.aborted, "another job of the batch was refused"))

  init(_ status: Status) {
    self.init(statusCode: Int32(status.code.rawValue), statusMessage: status.message)
  }

  init(_ result: EnqueueResult) {
    switch result {
    case .stored(let id, let state, _): self.init(jobID: id, state: state)
    case .duplicate(let id, let state, _): self.init(jobID: id, duplicate: true, state: state)
    case .conflict(let existing):
      // In an all-or-nothing batch it may be a job of the batch itself, which is not stored.
      let holder = existing.isEmpty ? "another job of the batch" : "job \(existing)"
      self.init(Status(.alreadyExists, "the unique key is held by \(holder)"))
      jobID = existing
    case .withdrawn: self = .withdrawn
    case .refused(let refusal): self.init(Status(refusal))
    }
  }
}

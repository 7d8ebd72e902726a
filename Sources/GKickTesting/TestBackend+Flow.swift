#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif
import GKick
import Jobs

/// Batches are counted; limits and recurring jobs are not modelled, which is said.
extension TestBackend {
  func putBatch(_ terms: GKick.BatchTerms) async throws -> BatchInfo { try await batch(terms.id) }

  func batch(_ id: String) async throws -> BatchInfo {
    var info = BatchInfo(id: id, createdAt: state.withLock { $0.now })
    info.isClosed = true
    for job in state.withLock({ $0.all }) where job.batchID == id {
      switch job.state {
      case .running: info.running += 1
      case .succeeded: info.succeeded += 1
      case .dead: info.dead += 1
      case .canceled, .expired: info.canceled += 1
      case .scheduled, .ready, .retrying, .blocked: info.waiting += 1
      }
    }
    return info
  }

  func batches(unfinishedOnly: Bool, limit: Int) async throws -> [BatchInfo] { throw notModelled }
  func cancelBatch(_ id: String, reason: String) async throws -> BatchInfo { throw notModelled }
  func limits() async throws -> [LimitStanding] { throw notModelled }
  func putLimit(_ limit: Jobs.Limit) async throws { throw notModelled }
  func deleteLimit(_ scope: Jobs.Limit.Scope) async throws { throw notModelled }
  func recurringJobs() async throws -> [GKick.RecurringJob] { throw notModelled }
  func putRecurringJob(_ job: GKick.RecurringJob) async throws -> GKick.RecurringJob { throw notModelled }
  func deleteRecurringJob(_ id: String) async throws { throw notModelled }
  func triggerRecurringJob(_ id: String) async throws -> String { throw notModelled }
  func times(of schedule: GKick.RecurringJob.Schedule, count: Int, after: Date?) async throws -> [Date] {
    throw notModelled
  }

  private var notModelled: GKickError { GKickError(.notSupported, "limits and recurring jobs are not modelled here") }
}

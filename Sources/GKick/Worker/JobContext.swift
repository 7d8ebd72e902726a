#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif
import Jobs
public import Logging

/// What a running job knows of itself.
public struct JobContext: Sendable {
  package let assignment: Assignment
  let baseLogger: Logger
  /// The worker that runs it.
  public let workerID: String
  private let reports: any ProgressSink

  package init(_ assignment: Assignment, workerID: String, logger: Logger, reports: any ProgressSink) {
    self.assignment = assignment
    self.workerID = workerID
    baseLogger = logger
    self.reports = reports
  }

  public var id: String { assignment.lease.jobID }
  public var name: String { assignment.name }
  public var queue: String { assignment.queue }
  public var priority: Int { assignment.priority }
  /// 1 for the first.
  public var attempt: Int { assignment.attempt }
  public var maxAttempts: Int { assignment.maxAttempts }
  public var isLastAttempt: Bool { attempt >= maxAttempts }
  public var payload: [UInt8] { assignment.payload }
  public var contentType: String { assignment.contentType }
  /// The jobs that had to end before this one; they can be looked up while it runs, see ``Client/handle(_:as:)``.
  public var dependsOn: [String] { assignment.dependsOn }
  /// The batch that it belongs to; empty: none. While it runs it may add jobs to it by ``JobOptions/batchID``, also when it is closed.
  public var batchID: String { assignment.batchID }
  /// What the producer sent along.
  public var metadata: [String: String] { assignment.metadata }
  public var createdAt: Date { Date(assignment.createdAt) }
  /// When this attempt's time is over; the task is cancelled then.
  public var deadline: Date? { assignment.deadline.map { Date($0) } }
  /// Different for every attempt and never used again. Pass it along to what the job writes to, and let that refuse a lower one:
  /// then an attempt that was given up on cannot overwrite its successor's work.
  public var fencingToken: UInt64 { assignment.lease.token }

  /// Bears the job's id, name, queue and attempt, and the id of its trace, if its producer began one.
  public var logger: Logger {
    var logger = baseLogger
    logger[metadataKey: "job.id"] = .string(id)
    logger[metadataKey: "job.name"] = .string(name)
    logger[metadataKey: "job.queue"] = .string(queue)
    logger[metadataKey: "job.attempt"] = .stringConvertible(attempt)
    if let parent = metadata["traceparent"].flatMap({ TraceParent($0) }) {
      logger[metadataKey: "trace_id"] = .string(parent.traceID)
    }
    return logger
  }

  /// Tells watchers how far the job has come. Never waits; of several in quick succession only the last may be seen.
  public func progress(_ percent: Int, _ message: String = "") {
    reports.progress(percent: min(100, max(0, percent)), message: message, of: assignment)
  }
}

/// Takes the progress that running jobs report.
package protocol ProgressSink: Sendable {
  func progress(percent: Int, message: String, of assignment: Assignment)
}

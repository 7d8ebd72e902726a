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

  public var id: String { assignment.given.lease.jobID }
  public var name: String { assignment.given.name }
  public var queue: String { assignment.given.queue }
  public var priority: Int { Int(assignment.given.priority) }
  /// 1 for the first.
  public var attempt: Int { Int(assignment.given.attempt) }
  public var maxAttempts: Int { Int(assignment.given.maxAttempts) }
  public var isLastAttempt: Bool { attempt >= maxAttempts }
  public var payload: [UInt8] { assignment.given.payload }
  public var contentType: String { assignment.given.contentType }
  /// The jobs that had to end before this one; they can be looked up while it runs, see ``Client/handle(_:as:)``.
  public var dependsOn: [String] { assignment.given.dependsOn }
  /// The batch that it belongs to; empty: none. While it runs it may add jobs to it by ``JobOptions/batchID``, also when it is closed.
  public var batchID: String { assignment.given.batchID }
  /// What the producer sent along.
  public var metadata: [String: String] { assignment.given.metadata }
  public var createdAt: Date { Date(assignment.given.createdAt ?? .distantPast) }
  /// When this attempt's time is over; the task is cancelled then.
  public var deadline: Date? { assignment.given.deadline.map { Date($0) } }
  /// Different for every attempt and never used again. Pass it along to what the job writes to, and let that refuse a lower one:
  /// then an attempt that was given up on cannot overwrite its successor's work.
  public var fencingToken: UInt64 { assignment.given.lease.token }

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

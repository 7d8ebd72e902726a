#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif
public import Jobs

/// Where a job stands.
public typealias JobState = Jobs.JobState

/// A job as the server knows it.
public struct JobInfo: Sendable {
  public var id: String
  public var queue: String
  public var name: String
  public var state: JobState
  public var payload: [UInt8] = []
  public var contentType = ""
  public var priority = 0
  public var metadata: [String: String] = [:]
  /// Attempts started so far.
  public var attempt = 0
  /// Attempts that ended with their worker gone.
  public var lost = 0
  public var createdAt: Date
  /// When it is, or was, due.
  public var runAt: Date
  /// When the latest attempt started.
  public var startedAt: Date?
  public var finishedAt: Date?
  /// How long the worker keeps it without a sign.
  public var leaseExpiresAt: Date?
  public var workerID = ""
  /// What the run gave, as bytes.
  public var result: [UInt8] = []
  /// The latest ten, newest last.
  public var failures: [JobFailure] = []
  public var progress: JobProgress?
  public var batchID = ""
  /// Why it is not running now, in words.
  public var waitingReason = ""
  /// Attempts in all.
  public var maxAttempts = 0
  /// The time one attempt may take.
  public var timeout: Duration?
  /// Expires when not started by then.
  public var startBefore: Date?
  /// How long it can be looked up when it is finished; `nil`: as the server is configured.
  public var retention: Duration?
  /// Empty: none.
  public var uniqueKey = ""
  public var concurrencyKey = ""
  public var fairnessKey = ""
  public var dependsOn: [String] = []
  public var onDependencyFailure = OnDependencyFailure.cancel
  /// Of `dependsOn`, how many are not final yet.
  public var dependenciesOpen = 0
  /// The recurring job that made it; empty: none did.
  public var recurringJobID = ""

  /// The parameters it was enqueued with.
  public func parameters<Parameters: JobParameters>(as type: Parameters.Type) throws -> Parameters {
    try Parameters.codec.decode(type, from: payload)
  }
}

/// Why an attempt did not succeed.
public struct JobFailure: Sendable, Hashable {
  /// The error's type.
  public var type: String
  public var message: String
  public var backtrace = ""
  public var isRetryable = true
  public var at: Date
  public var attempt = 0
  public var workerID = ""
}

/// How far a running job has come, as it says itself.
public struct JobProgress: Sendable, Hashable {
  /// 0...100.
  public var percent: Int
  public var message: String
  public var at: Date
}

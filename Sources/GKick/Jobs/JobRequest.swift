#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// One job to be stored, with its type's defaults and the enqueue's wishes put together. What is `nil` is the server's to decide.
package struct JobRequest: Sendable, Hashable {
  package enum When: Sendable, Hashable {
    case now
    case at(Date)
    case after(Duration)
  }

  package var id = ""
  package var queue = "default"
  package var name: String
  package var payload: [UInt8]
  package var contentType: String
  package var priority = 0
  package var metadata: [String: String] = [:]
  package var retry: RetryPolicy?
  package var timeout: Duration?
  package var startBefore: Date?
  package var retention: Duration?
  package var unique: Uniqueness?
  package var concurrencyKey = ""
  package var fairnessKey = ""
  package var dependsOn: [String] = []
  package var onDependencyFailure = OnDependencyFailure.cancel
  package var batchID = ""
  package var when = When.now

  package init<Parameters: JobParameters>(_ job: Parameters, options: JobOptions, when: When) throws {
    let codec = Parameters.codec
    name = Parameters.name
    payload = try codec.encode(job)
    contentType = codec.contentType
    queue = Parameters.queue
    priority = Parameters.priority
    retry = Parameters.retry
    timeout = Parameters.timeout
    retention = Parameters.retention
    unique = job.unique
    concurrencyKey = job.concurrencyKey ?? ""
    fairnessKey = job.fairnessKey ?? ""
    self.when = when
    apply(options)
  }

  package init(_ job: UntypedJob, options: JobOptions, when: When) {
    name = job.name
    payload = job.payload
    contentType = job.contentType
    self.when = when
    apply(options)
  }

  private mutating func apply(_ options: JobOptions) {
    id = options.id ?? ""
    queue = options.queue ?? queue
    priority = options.priority ?? priority
    retry = options.retry ?? retry
    timeout = options.timeout ?? timeout
    startBefore = options.startBefore
    retention = options.retention ?? retention
    unique = options.unique ?? unique
    concurrencyKey = options.concurrencyKey ?? concurrencyKey
    fairnessKey = options.fairnessKey ?? fairnessKey
    dependsOn = options.dependsOn
    onDependencyFailure = options.onDependencyFailure
    batchID = options.batchID ?? ""
    metadata = options.metadata
  }
}

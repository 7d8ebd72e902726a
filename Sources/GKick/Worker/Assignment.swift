import Jobs

/// A job as a worker was given it. An object, so that it is passed around for one reference.
package final class Assignment: Sendable {
  package let lease: Lease
  /// 1 for the first.
  package let attempt: Int
  package let maxAttempts: Int
  package let queue: String
  package let name: String
  package let payload: [UInt8]
  package let contentType: String
  package let metadata: [String: String]
  package let priority: Int
  package let createdAt: Timestamp
  /// Of this attempt.
  package let deadline: Timestamp?
  package let dependsOn: [String]
  package let batchID: String

  package init(
    lease: Lease, attempt: Int, maxAttempts: Int, queue: String, name: String, payload: [UInt8], contentType: String,
    metadata: [String: String], priority: Int, createdAt: Timestamp, deadline: Timestamp?,
    dependsOn: [String] = [], batchID: String = ""
  ) {
    self.lease = lease
    self.attempt = attempt
    self.maxAttempts = maxAttempts
    self.queue = queue
    self.name = name
    self.payload = payload
    self.contentType = contentType
    self.metadata = metadata
    self.priority = priority
    self.createdAt = createdAt
    self.deadline = deadline
    self.dependsOn = dependsOn
    self.batchID = batchID
  }
}

import GKick

/// A job: its parameters, and what it does with them.
struct SendEmail: Job {
  static let name = "email.send"
  static var queue: String { "mail" }
  static var retry: RetryPolicy { RetryPolicy(maxAttempts: 5, initialBackoff: .seconds(2)) }
  static var timeout: Duration? { .seconds(10) }

  var to: String
  var subject: String

  func run(_ context: JobContext) async throws -> Receipt {
    // What can never work is not tried again.
    guard to.contains("@") else { throw Discard("\"\(to)\" is no address") }
    context.progress(50, "connected")
    try await Task.sleep(for: .milliseconds(20))  // here it would speak with a mail server
    context.logger.info("sent", metadata: ["to": "\(to)"])
    // Whoever waits for the job gets this.
    return Receipt(id: "<\(context.id)@example.com>")
  }

  struct Receipt: Codable, Sendable {
    var id: String
  }
}

import GKick

struct Greet: Job {
  static let name = "greet"
  var who: String

  func run(_ context: JobContext) async throws -> String { "hello \(who)" }
}

struct Quiet: Job {
  static let name = "quiet"
  static var queue: String { "silent" }
  var number: Int

  func run(_ context: JobContext) async throws {}
}

/// A producer's view: what runs it is a closure.
struct Work: JobParameters {
  static let name = "work"
  static var retry: RetryPolicy { RetryPolicy(maxAttempts: 3, initialBackoff: .seconds(2)) }
  var text = ""
}

struct OneOfAKind: JobParameters {
  static let name = "one"
  var key: String
  var unique: Uniqueness? { .key(key) }
}

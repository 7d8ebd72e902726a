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
  static var retry: RetryPolicy { RetryPolicy(maxAttempts: 3, initialBackoff: .milliseconds(20), jitter: 0) }
  var text = ""
}

/// A part of a whole, of a tenant.
struct Part: JobParameters {
  typealias Output = Int
  static let name = "part"
  static var queue: String { "parts" }
  var number: Int
  var tenant: String?
  var concurrencyKey: String? { tenant }
  var fairnessKey: String? { tenant }
}

struct Merge: JobParameters {
  typealias Output = Int
  static let name = "merge"
  static var queue: String { "parts" }
}

struct OneOfAKind: JobParameters {
  static let name = "one"
  var key: String
  var unique: Uniqueness? { .key(key) }
}

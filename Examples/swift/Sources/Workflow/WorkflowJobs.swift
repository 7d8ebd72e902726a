import GKick

struct CountWord: Job {
  static let name = "workflow.count"
  static var queue: String { "workflow" }
  var word: String
  var tenant: String
  /// What the limit counts ...
  var concurrencyKey: String? { "workflow-tenant-\(tenant)" }
  /// ... and who takes turns.
  var fairnessKey: String? { tenant }

  func run(_ context: JobContext) async throws -> Int { word.count }
}

/// Reads the results of the jobs that it depends on; the worker gives it the client to do so.
struct AddUp: JobParameters {
  typealias Output = Int
  static let name = "workflow.add"
  static var queue: String { "workflow" }
}

struct SendReceipt: Job {
  static let name = "workflow.receipt"
  static var queue: String { "workflow" }
  var tenant: String

  func run(_ context: JobContext) async throws -> String { "receipt for \(tenant)" }
}

struct Tick: Job {
  static let name = "workflow.tick"
  static var queue: String { "workflow" }

  func run(_ context: JobContext) async throws {}
}

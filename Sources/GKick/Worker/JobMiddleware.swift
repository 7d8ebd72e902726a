/// Runs around every job of a worker: for setting things up, measuring, turning errors into others.
///
///     struct WithDatabase: JobMiddleware {
///       func run(_ context: JobContext, next: JobMiddleware.Next) async throws -> JobResult {
///         try await Database.$current.withValue(pool) { try await next(context) }
///       }
///     }
public protocol JobMiddleware: Sendable {
  typealias Next = @Sendable (JobContext) async throws -> JobResult

  /// Calls `next` once, or not at all, or again; what it throws is what the job threw.
  func run(_ context: JobContext, next: Next) async throws -> JobResult
}

/// What a run gave, as bytes.
public struct JobResult: Sendable, Hashable {
  public var bytes: [UInt8]

  public init(_ bytes: [UInt8] = []) { self.bytes = bytes }
}

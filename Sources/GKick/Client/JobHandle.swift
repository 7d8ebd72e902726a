/// A stored job that its type is known of.
public struct JobHandle<Parameters: JobParameters>: Sendable {
  public let id: String
  /// The id or the unique key existed already: this is that job, and nothing new was stored.
  public let isDuplicate: Bool
  let client: Client

  package init(id: String, isDuplicate: Bool = false, client: Client) {
    self.id = id
    self.isDuplicate = isDuplicate
    self.client = client
  }

  /// The job as it stands now.
  public func info() async throws -> JobInfo { try await client.job(id) }

  /// Waits until the job has ended, however it ended.
  /// - Throws: ``GKickError`` with `timedOut` when it has not by then.
  @discardableResult
  public func wait(timeout: Duration? = nil) async throws -> JobInfo {
    try await client.wait(for: id, timeout: timeout)
  }

  @discardableResult
  public func cancel(reason: String = "") async throws -> JobInfo { try await client.cancel(id, reason: reason) }

  @discardableResult
  public func retry(resetAttempts: Bool = false) async throws -> JobInfo {
    try await client.retry(id, resetAttempts: resetAttempts)
  }
}

extension JobHandle where Parameters.Output: Decodable {
  /// Waits until the job has ended and gives what its run gave.
  /// - Throws: ``JobFailedError`` when it did not succeed; ``GKickError`` with `timedOut` when it has not ended by then.
  public func value(timeout: Duration? = nil) async throws -> Parameters.Output {
    let job = try await client.wait(for: id, timeout: timeout)
    guard job.state == .succeeded else { throw JobFailedError(job: job) }
    return try Parameters.codec.decode(Parameters.Output.self, from: job.result)
  }
}

extension JobHandle where Parameters.Output == Void {
  /// Waits until the job has succeeded.
  /// - Throws: ``JobFailedError`` when it did not succeed; ``GKickError`` with `timedOut` when it has not ended by then.
  public func value(timeout: Duration? = nil) async throws {
    let job = try await client.wait(for: id, timeout: timeout)
    guard job.state == .succeeded else { throw JobFailedError(job: job) }
  }
}

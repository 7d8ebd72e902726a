public import Jobs

/// What becomes of a job when one that it depends on ends as anything but succeeded, or is deleted.
///
/// - `cancel`: it is cancelled, and so on down the tree.
/// - `run`: it runs all the same, once all that it depends on have ended.
public typealias OnDependencyFailure = Jobs.OnDependencyFailure

/// A job that others may depend on: a stored one (``JobHandle``) or one of a batch that is still to be stored (``PlannedJob``).
public protocol JobReference: Sendable {
  var id: String { get }
}

extension JobHandle: JobReference {}

extension Client {
  /// Stores a job that may run once others have succeeded; until then it is `blocked`.
  ///
  ///     let load = try await client.enqueue(LoadFigures(month: 5))
  ///     try await client.enqueue(MakeReport(), after: load)
  ///
  /// - Parameter failure: what becomes of it when one of them ends otherwise.
  /// - Throws: ``GKickError/Code/notPossibleNow`` when one of them is not there (any more).
  @discardableResult
  public func enqueue<Parameters: JobParameters>(
    _ job: Parameters, after first: any JobReference, _ others: any JobReference...,
    onDependencyFailure failure: OnDependencyFailure = .cancel, options: JobOptions = JobOptions()
  ) async throws -> JobHandle<Parameters> {
    try await enqueue(job, after: [first] + others, onDependencyFailure: failure, options: options)
  }

  /// The same after many, up to 100.
  @discardableResult
  public func enqueue<Parameters: JobParameters>(
    _ job: Parameters, after others: [any JobReference], onDependencyFailure failure: OnDependencyFailure = .cancel,
    options: JobOptions = JobOptions()
  ) async throws -> JobHandle<Parameters> {
    try await enqueue(job, options: options.after(others, failure))
  }

  /// A handle of a job that was stored elsewhere, for example of one that a running job depends on:
  ///
  ///     let figures = try await client.handle(context.dependsOn[0], as: LoadFigures.self).value()
  public func handle<Parameters: JobParameters>(_ id: String, as type: Parameters.Type) -> JobHandle<Parameters> {
    JobHandle(id: id, client: self)
  }
}

extension JobOptions {
  func after(_ jobs: [any JobReference], _ failure: OnDependencyFailure) -> JobOptions {
    var options = self
    options.dependsOn += jobs.map(\.id)
    // What the options say themselves is not undone by the default.
    if failure == .run { options.onDependencyFailure = .run }
    return options
  }
}

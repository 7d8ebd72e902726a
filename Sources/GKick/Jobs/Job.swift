/// A job that knows how to run.
///
///     struct SendEmail: Job {
///       static let name = "email.send"
///       var to: String
///
///       func run(_ context: JobContext) async throws {
///         try await mailer.send(to: to)
///       }
///     }
///
/// A job may run more than once (a worker can die after the work and before the report), so `run` should do no harm the second
/// time. It is cancelled as a Swift task when the job is cancelled or its time is up.
public protocol Job: JobParameters {
  /// Declared again so that it is inferred from `run`.
  associatedtype Output

  /// Returning ends the job as succeeded. Throwing fails the attempt, which is retried by the job's policy; ``Discard``,
  /// ``RetryLater`` and ``Snooze`` say something else.
  func run(_ context: JobContext) async throws -> Output
}

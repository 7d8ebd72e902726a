public import Jobs
import Wire

/// Jobs that are followed as one, and what runs when they are done.
///
///     var batch = Batch("import-7")
///     let parts = try files.map { try batch.add(ImportPart(file: $0)) }
///     try batch.add(MergeParts(), after: parts)
///     try batch.onSucceeded(SendReport(of: "import-7"))
///     let running = try await client.enqueue(batch)
///
/// The jobs may depend on each other. The batch is finished when all of them are final, and those that they add to it while they run.
public struct Batch: Sendable {
  /// As a job's id.
  public var id: String
  /// For people, up to 256 bytes.
  public var description: String
  /// Others may add jobs to it later, and it is not finished before it is closed (``Batches/close(_:)``).
  public var isLeftOpen = false
  var requests: [JobRequest] = []
  var finishedJob: JobRequest?
  var succeededJob: JobRequest?
  /// Nobody else can have given it jobs.
  let isIDMadeHere: Bool

  /// - Parameter id: `nil`: one is made.
  public init(_ id: String? = nil, description: String = "") {
    self.id = id ?? "batch-" + MadeID.make()
    self.description = description
    isIDMadeHere = id == nil
  }

  /// How many jobs it has so far.
  public var count: Int { requests.count }

  // MARK: - Its jobs

  /// Adds a job; it has its id from here on, so that others of the batch can depend on it.
  /// - Parameters:
  ///   - others: jobs of this batch or stored ones, which must have succeeded before.
  ///   - failure: what becomes of it when one of them ends otherwise.
  @discardableResult
  public mutating func add<Parameters: JobParameters>(
    _ job: Parameters, after others: [any JobReference] = [],
    onDependencyFailure failure: OnDependencyFailure = .cancel,
    in delay: Duration? = nil, options: JobOptions = JobOptions()
  ) throws -> PlannedJob<Parameters> {
    PlannedJob(
      id: append(
        try JobRequest(job, options: options.after(others, failure), when: delay.map { .after($0) } ?? .now)))
  }

  /// Adds a job that this program has no type for.
  /// - Returns: its id.
  @discardableResult
  public mutating func add(
    _ job: UntypedJob, after others: [any JobReference] = [],
    onDependencyFailure failure: OnDependencyFailure = .cancel,
    in delay: Duration? = nil, options: JobOptions = JobOptions()
  ) -> String {
    append(JobRequest(job, options: options.after(others, failure), when: delay.map { .after($0) } ?? .now))
  }

  private mutating func append(_ request: JobRequest) -> String {
    var request = request
    if request.id.isEmpty { request.id = MadeID.make() }
    requests.append(request)
    return request.id
  }

  /// The same batch with more jobs.
  public func addingJobs<Parameters: JobParameters>(
    _ jobs: [Parameters], options: JobOptions = JobOptions()
  ) throws -> Batch {
    var batch = self
    for job in jobs { try batch.add(job, options: options) }
    return batch
  }

  // MARK: - What runs when they are done

  /// Runs once when the batch is finished, however its jobs ended.
  public mutating func onFinished<Parameters: JobParameters>(
    _ job: Parameters, options: JobOptions = JobOptions()
  ) throws {
    finishedJob = try JobRequest(job, options: options, when: .now)
  }

  /// Runs once when the batch is finished and all its jobs have succeeded, be it later, after one was retried by hand.
  public mutating func onSucceeded<Parameters: JobParameters>(
    _ job: Parameters, options: JobOptions = JobOptions()
  ) throws {
    succeededJob = try JobRequest(job, options: options, when: .now)
  }

  package var order: BatchOrder {
    BatchOrder(
      id: id, description: description, onFinished: finishedJob.map { JobSpec($0) },
      onSucceeded: succeededJob.map { JobSpec($0) }, isClosed: !isLeftOpen)
  }
}

/// A job of a ``Batch`` that is still to be stored.
public struct PlannedJob<Parameters: JobParameters>: JobReference {
  public let id: String

  /// To be followed once the batch is stored.
  public func handle(_ client: Client) -> JobHandle<Parameters> { client.handle(id, as: Parameters.self) }
}

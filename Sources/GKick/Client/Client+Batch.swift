extension Client {
  /// Stores many jobs of one type that may run now, up to 1,000 per round trip. They are a batch of their own, see ``Batch``.
  /// - Parameter allOrNothing: a job that is refused refuses all (of the same 1,000); an error is thrown then.
  public func enqueue<Parameters: JobParameters>(
    batch jobs: [Parameters], options: JobOptions = JobOptions(), allOrNothing: Bool = false
  ) async throws -> BatchHandle {
    try await store(try Batch().addingJobs(jobs, options: options), options.durability, allOrNothing)
  }

  /// Stores many jobs of any types, see ``BatchBuilder``.
  public func enqueueBatch(
    allOrNothing: Bool = false, durability: Durability? = nil, _ fill: (inout BatchBuilder) throws -> Void
  ) async throws -> BatchHandle {
    var builder = BatchBuilder()
    try fill(&builder)
    return try await store(builder.batch, durability, allOrNothing)
  }

  func store(_ batch: Batch, _ durability: Durability?, _ allOrNothing: Bool) async throws -> BatchHandle {
    var results: [Result<String, GKickError>] = []
    results.reserveCapacity(batch.count)
    var rest = batch.requests[...]
    while !rest.isEmpty {
      var slice = Array(rest.prefix(Self.largestBatch))
      rest = rest.dropFirst(slice.count)
      for index in slice.indices {
        slice[index].batchID = batch.id
        TraceContext.inject(into: &slice[index].metadata)
      }
      do {
        let stored = try await backend.enqueue(slice, allOrNothing: allOrNothing, durability: durability)
        results.append(contentsOf: stored.map { $0.map(\.id) })
      } catch {
        // Nobody will close what nobody else knows of.
        if batch.isIDMadeHere, !results.isEmpty {
          _ = try? await batches.cancel(batch.id, reason: "not all jobs of the batch were stored")
        }
        throw error
      }
    }
    // The callbacks come last: a batch is not finished before it is closed, and one that was refused has none.
    let order = batch.order
    if order.isClosed || !order.description.isEmpty || order.onFinished != nil || order.onSucceeded != nil
      || results.isEmpty
    {
      _ = try await batches.put(order)
    }
    return BatchHandle(id: batch.id, jobs: results, client: self)
  }

  /// What the server takes in one request.
  static let largestBatch = 1_000
}

/// Collects the jobs of a batch.
public struct BatchBuilder {
  var batch = Batch()

  public mutating func add<Parameters: JobParameters>(
    _ job: Parameters, in delay: Duration? = nil, options: JobOptions = JobOptions()
  ) throws {
    try batch.add(job, in: delay, options: options)
  }

  public mutating func add(_ job: UntypedJob, in delay: Duration? = nil, options: JobOptions = JobOptions()) {
    batch.add(job, in: delay, options: options)
  }
}

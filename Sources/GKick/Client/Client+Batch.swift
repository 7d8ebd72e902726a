extension Client {
  /// Stores many jobs of one type that may run now, up to 1,000 per round trip.
  /// - Parameter allOrNothing: a job that is refused refuses all (of the same 1,000); an error is thrown then.
  public func enqueue<Parameters: JobParameters>(
    batch jobs: [Parameters], options: JobOptions = JobOptions(), allOrNothing: Bool = false
  ) async throws -> BatchHandle {
    try await store(jobs.map { try JobRequest($0, options: options, when: .now) }, options.durability, allOrNothing)
  }

  /// Stores many jobs of any types, see ``BatchBuilder``.
  public func enqueueBatch(
    allOrNothing: Bool = false, durability: Durability? = nil, _ fill: (inout BatchBuilder) throws -> Void
  ) async throws -> BatchHandle {
    var builder = BatchBuilder()
    try fill(&builder)
    return try await store(builder.requests, durability, allOrNothing)
  }

  private func store(
    _ requests: [JobRequest], _ durability: Durability?, _ allOrNothing: Bool
  ) async throws -> BatchHandle {
    let id = BatchHandle.makeID()
    var results: [Result<String, GKickError>] = []
    results.reserveCapacity(requests.count)
    var rest = requests[...]
    while !rest.isEmpty {
      var slice = Array(rest.prefix(Self.largestBatch))
      rest = rest.dropFirst(slice.count)
      for index in slice.indices {
        slice[index].batchID = id
        TraceContext.inject(into: &slice[index].metadata)
      }
      let stored = try await backend.enqueue(slice, allOrNothing: allOrNothing, durability: durability)
      results.append(contentsOf: stored.map { $0.map(\.id) })
    }
    return BatchHandle(id: id, jobs: results, client: self)
  }

  /// What the server takes in one request.
  static let largestBatch = 1_000
}

/// Collects the jobs of a batch.
public struct BatchBuilder {
  var requests: [JobRequest] = []

  public mutating func add<Parameters: JobParameters>(
    _ job: Parameters, in delay: Duration? = nil, options: JobOptions = JobOptions()
  ) throws {
    requests.append(try JobRequest(job, options: options, when: delay.map { .after($0) } ?? .now))
  }

  public mutating func add(_ job: UntypedJob, in delay: Duration? = nil, options: JobOptions = JobOptions()) {
    requests.append(JobRequest(job, options: options, when: delay.map { .after($0) } ?? .now))
  }
}

extension BatchHandle {
  /// 128 random bits as text.
  static func makeID() -> String {
    var random = SystemRandomNumberGenerator()
    let hex = [random.next(), random.next()].map { (word: UInt64) in
      let digits = String(word, radix: 16)
      return String(repeating: "0", count: 16 - digits.count) + digits
    }
    return "batch-" + hex.joined()
  }
}

/// What can be told which jobs to run: a ``Worker``, or a test's stand-in for one.
public protocol JobRegistering {
  /// Takes a handler for jobs of one name. Not to be called directly.
  func add(_ name: String, _ handler: @escaping @Sendable (JobContext) async throws -> JobResult)
}

extension JobRegistering {
  /// Jobs of this type run by their own `run`.
  public func register<Kind: Job>(_ type: Kind.Type) where Kind.Output == Void {
    register(type) { job, context in try await job.run(context) }
  }

  /// Jobs of this type run by their own `run`, and what it gives is stored as the job's result.
  public func register<Kind: Job>(_ type: Kind.Type) where Kind.Output: Encodable {
    register(type) { job, context in try await job.run(context) }
  }

  /// Jobs with these parameters run by a closure, which may capture what it needs.
  public func register<Parameters: JobParameters>(
    _ type: Parameters.Type, _ run: @escaping @Sendable (Parameters, JobContext) async throws -> Void
  ) where Parameters.Output == Void {
    let codec = Parameters.codec
    add(Parameters.name) { context in
      try await run(try Parameters.decode(context, codec), context)
      return JobResult()
    }
  }

  /// Jobs with these parameters run by a closure whose value is stored as the job's result.
  public func register<Parameters: JobParameters>(
    _ type: Parameters.Type, _ run: @escaping @Sendable (Parameters, JobContext) async throws -> Parameters.Output
  ) where Parameters.Output: Encodable {
    let codec = Parameters.codec
    add(Parameters.name) { context in
      let output = try await run(try Parameters.decode(context, codec), context)
      return JobResult(try codec.encode(output))
    }
  }

  /// Jobs of this name run by a closure that reads the payload itself.
  public func register(_ name: String, _ run: @escaping @Sendable (JobContext) async throws -> Void) {
    add(name) { context in
      try await run(context)
      return JobResult()
    }
  }

  /// Jobs of this name run by a closure that reads the payload itself; what it gives is stored as the job's result.
  public func register(_ name: String, _ run: @escaping @Sendable (JobContext) async throws -> [UInt8]) {
    add(name) { context in JobResult(try await run(context)) }
  }
}

extension JobParameters {
  /// What cannot be read now cannot be read by a later attempt either.
  fileprivate static func decode(_ context: JobContext, _ codec: any JobCodec) throws -> Self {
    do {
      return try codec.decode(Self.self, from: context.payload)
    } catch {
      throw UnreadableParameters(name: name, cause: error)
    }
  }
}

/// The payload is not what the job's type can be read from. The job is not retried.
public struct UnreadableParameters: Error, CustomStringConvertible {
  public var name: String
  public var cause: any Error

  public var description: String { "cannot read the parameters of \(name): \(cause)" }
}

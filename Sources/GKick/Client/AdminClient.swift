public import Jobs
import NIOCore
import Wire

/// What operators ask of a gKick server: its queues, its workers, many jobs at once, itself.
///
///     let admin = try AdminClient("localhost:7450")
///     try await admin.pause("mail")
///     for queue in try await admin.queues() { print(queue.name, queue.ready) }
///
/// It may be used from anywhere and holds one connection. Every method throws ``GKickError``.
public struct AdminClient: Sendable {
  private let caller: Caller

  /// Makes no connection yet.
  public init(_ endpoint: Endpoint) throws(GKickError) { caller = try Caller(endpoint) }

  package init(_ caller: Caller) { self.caller = caller }

  /// Ends all calls and closes the connection.
  public func close() async { await caller.close() }

  // MARK: - Servers

  /// The server that answers.
  public func serverInfo() async throws -> ServerInfo {
    ServerInfo(
      try await caller.call("AdminService/GetServerInfo", mayRepeat: true) {
        $0.encodeEmptyRequest()
      } _: { codec, bytes throws(WireError) in
        try codec.decodeServerInfo(bytes)
      })
  }

  /// All servers on the same store.
  public func servers() async throws -> [ServerStanding] {
    try await caller.call("AdminService/ListServers", mayRepeat: true) {
      $0.encodeEmptyRequest()
    } _: { codec, bytes throws(WireError) in
      try codec.decodeServers(bytes)
    }.map { ServerStanding($0) }
  }

  // MARK: - Queues

  /// By name.
  /// - Parameter prefix: of their names; empty: all.
  public func queues(prefix: String = "") async throws -> [QueueInfo] {
    try await caller.pages("AdminService/ListQueues") { codec, token, _ in
      codec.encodeListQueuesRequest(prefix: prefix, pageSize: 10_000, pageToken: token)
    } _: { codec, bytes throws(WireError) in
      try codec.decodeQueues(bytes)
    }.map { QueueInfo($0) }
  }

  /// Nothing new starts from the queue; what runs goes on.
  public func pause(_ queue: String) async throws {
    try await caller.call("AdminService/PauseQueue", mayRepeat: true) { $0.encodeQueueRequest(queue) }
  }

  public func resume(_ queue: String) async throws {
    try await caller.call("AdminService/ResumeQueue", mayRepeat: true) { $0.encodeQueueRequest(queue) }
  }

  /// Deletes the queue's waiting and finished jobs for good.
  /// - Parameter states: empty: all but `running`.
  /// - Returns: how many.
  @discardableResult
  public func purge(_ queue: String, states: Set<JobState> = []) async throws -> Int {
    try await count("AdminService/PurgeQueue") { $0.encodePurgeQueueRequest(queue, states: states) }
  }

  /// Forgets a queue that has no jobs, with its totals and its pause.
  public func deleteQueue(_ queue: String) async throws {
    try await caller.call("AdminService/DeleteQueue") { $0.encodeQueueRequest(queue) }
  }

  // MARK: - Many jobs

  /// Makes jobs of a queue ready that are over or wait for their next attempt.
  /// - Parameter states: empty: `dead`.
  /// - Returns: how many.
  @discardableResult
  public func retryJobs(
    queue: String, states: Set<JobState> = [], name: String = "", resetAttempts: Bool = false
  ) async throws -> Int {
    try await count("AdminService/RetryJobs") {
      $0.encodeRetryJobsRequest(queue, states: states, name: name, resetAttempts: resetAttempts)
    }
  }

  /// Counts the jobs that match, or does something to them; what cannot be done to one passes it over.
  /// - Returns: how many.
  @discardableResult
  public func changeJobs(_ change: JobAction, matching selection: JobSelection) async throws -> Int {
    let bulk = BulkChange(change, selection)
    return try await count("AdminService/ChangeJobs") { $0.encodeChangeJobsRequest(bulk) }
  }

  /// It may take long; what was done stays done.
  private func count(_ method: String, _ encode: (Codec) -> Int) async throws -> Int {
    Int(
      clamping: try await caller.call(method, timeout: .hours(1), encode) { codec, bytes throws(WireError) in
        try codec.decodeCountResponse(bytes)
      })
  }

  // MARK: - Flow

  /// How many jobs may run, start and wait.
  public var limits: Limits { Limits(caller: caller) }
  /// Jobs that are followed as one.
  public var batches: Batches { Batches(caller: caller) }
  /// Jobs that are made again and again.
  public var recurring: RecurringJobs { RecurringJobs(caller: caller) }

  // MARK: - Workers

  /// By id.
  /// - Parameter queue: those that take it; empty: all.
  public func workers(queue: String = "") async throws -> [WorkerInfo] {
    try await caller.pages("AdminService/ListWorkers") {
      $0.encodeListWorkersRequest(queue: queue, pageSize: $2, pageToken: $1)
    } _: { codec, bytes throws(WireError) in
      try codec.decodeWorkers(bytes)
    }.map { WorkerInfo($0) }
  }

  /// The worker finishes what it runs and takes nothing more.
  public func drainWorker(_ id: String) async throws {
    try await caller.call("AdminService/DrainWorker", mayRepeat: true) { $0.encodeDrainWorkerRequest(id) }
  }
}

extension Client {
  /// A client and an operator's client on one connection.
  package static func connection(_ endpoint: Endpoint) throws(GKickError) -> (Client, AdminClient) {
    let caller = try Caller(endpoint)
    return (Client(backend: GRPCBackend(caller)), AdminClient(caller))
  }
}

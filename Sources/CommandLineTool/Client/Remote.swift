import Glibc
import Jobs
import NIOCore
import NIOPosix
import RPC
import RPCTransport
import Wire

/// The calls of a server, one connection for one command.
final class Remote: Sendable {
  private let channel: ClientChannel
  private let settings: ClientSettings

  /// - Throws: what is wrong with the TLS files.
  init(_ settings: ClientSettings) throws {
    self.settings = settings
    channel = try Self.channel(settings)
  }

  /// A connection of its own to the same server, for who needs several.
  func anotherChannel() throws -> ClientChannel { try Self.channel(settings) }

  private static func channel(_ settings: ClientSettings) throws -> ClientChannel {
    var configuration = ClientConfiguration()
    configuration.tls = settings.tls
    configuration.userAgent = "gkick/\(Version.text)"
    let target: ClientTarget =
      switch settings.endpoint {
      case .host(let host, let port): .hostPort(host, port)
      case .unix(let path): .unix(path)
      }
    return try ClientChannel(
      target: target, configuration: configuration, group: MultiThreadedEventLoopGroup.singleton)
  }

  func close() async { await channel.close() }

  static var now: Timestamp {
    var time = timespec()
    // clock_gettime fills the struct it is given.
    unsafe clock_gettime(CLOCK_REALTIME, &time)
    return Timestamp(microseconds: Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000)
  }

  // MARK: - Jobs

  func enqueue(_ job: JobSpec, _ time: JobTime?, _ durability: Durability?) async throws -> JobReceipt {
    guard let time else {
      return try await call("JobService/Enqueue") {
        $0.encodeEnqueueRequest(job, durability)
      } decode: { codec, bytes throws(WireError) in
        try codec.decodeEnqueueResponse(bytes)
      }
    }
    return try await call("JobService/Schedule") {
      $0.encodeScheduleRequest(JobOrder(job: job, time: time), durability)
    } decode: { codec, bytes throws(WireError) in
      try codec.decodeScheduleResponse(bytes)
    }
  }

  func enqueueBatch(_ jobs: [JobSpec], _ time: JobTime?, _ durability: Durability?) async throws -> [BatchResult] {
    try await call("JobService/EnqueueBatch") {
      $0.encodeEnqueueBatchRequest(jobs.map { JobOrder(job: $0, time: time) }, durability)
    } decode: { codec, bytes throws(WireError) in
      try codec.decodeEnqueueBatchResponse(bytes)
    }
  }

  func job(_ id: String) async throws -> JobInfo {
    try await job("JobService/GetJob") { $0.encodeJobIDRequest(id) }
  }

  func jobs(_ query: JobQuery, pageToken: String) async throws -> JobsPage {
    try await call("JobService/ListJobs") {
      $0.encodeListJobsRequest(query, pageToken: pageToken)
    } decode: { codec, bytes throws(WireError) in
      try codec.decodeListJobsResponse(bytes)
    }
  }

  /// The job when it is final, or as it is after about `limit`.
  func wait(_ id: String, atMost limit: Interval) async throws -> JobInfo {
    do {
      return try await job("JobService/WaitJob", timeout: limit) { $0.encodeJobIDRequest(id) }
    } catch let status as Status where status.code == .deadlineExceeded {
      // The answer was late, not the job: ask how it stands. A server that does not answer that either is away.
      return try await self.job(id)
    }
  }

  func cancel(_ id: String, reason: String) async throws -> JobInfo {
    try await job("JobService/CancelJob") { $0.encodeCancelJobRequest(id, reason: reason) }
  }

  func retry(_ id: String, resetAttempts: Bool) async throws -> JobInfo {
    try await job("JobService/RetryJob") { $0.encodeRetryJobRequest(id, resetAttempts: resetAttempts) }
  }

  func delete(_ id: String) async throws {
    try await call("JobService/DeleteJob") { $0.encodeJobIDRequest(id) }
  }

  func explain(_ id: String) async throws -> JobExplanation {
    try await call("JobService/ExplainJob") {
      $0.encodeJobIDRequest(id)
    } decode: { codec, bytes throws(WireError) in
      try codec.decodeExplainJobResponse(bytes)
    }
  }

  // MARK: - Queues, workers, the server

  /// All pages.
  func queues() async throws -> [QueueView] {
    var queues: [QueueView] = []
    var token = ""
    repeat {
      let page = try await call("AdminService/ListQueues") { [token] in
        $0.encodeListQueuesRequest(pageSize: 10_000, pageToken: token)
      } decode: { codec, bytes throws(WireError) in
        try codec.decodeQueues(bytes)
      }
      queues += page.queues
      token = page.next
    } while !token.isEmpty
    return queues
  }

  func pause(_ queue: String) async throws {
    try await call("AdminService/PauseQueue") { $0.encodeQueueRequest(queue) }
  }

  func resume(_ queue: String) async throws {
    try await call("AdminService/ResumeQueue") { $0.encodeQueueRequest(queue) }
  }

  func purge(_ queue: String, states: [JobState]) async throws -> UInt64 {
    try await count("AdminService/PurgeQueue") { $0.encodePurgeQueueRequest(queue, states: Set(states)) }
  }

  func retryAll(queue: String, states: [JobState], name: String, resetAttempts: Bool) async throws -> UInt64 {
    try await count("AdminService/RetryJobs") {
      $0.encodeRetryJobsRequest(queue, states: Set(states), name: name, resetAttempts: resetAttempts)
    }
  }

  /// All pages.
  func workers() async throws -> [WorkerView] {
    var workers: [WorkerView] = []
    var token = ""
    repeat {
      let page = try await call("AdminService/ListWorkers") { [token] in
        $0.encodeListWorkersRequest(pageSize: 1_000, pageToken: token)
      } decode: { codec, bytes throws(WireError) in
        try codec.decodeWorkers(bytes)
      }
      workers += page.workers
      token = page.next
    } while !token.isEmpty
    return workers
  }

  func drainWorker(_ id: String) async throws {
    try await call("AdminService/DrainWorker") { $0.encodeDrainWorkerRequest(id) }
  }

  func serverInfo() async throws -> ServerDescription {
    try await call("AdminService/GetServerInfo") {
      $0.encodeEmptyRequest()
    } decode: { codec, bytes throws(WireError) in
      try codec.decodeServerInfo(bytes)
    }
  }

  // MARK: - Events

  struct EventBatch: Sendable {
    var events: [Event]
    /// Where to go on after these.
    var cursor: Int64
  }

  /// The events of one call; it ends with the connection.
  func events(_ request: EventsRequest) async throws -> RemoteEvents {
    let stream = channel.stream(
      "/gkick.v1.JobService/StreamEvents", options: CallOptions(silence: .seconds(20)))
    try await stream.send(encoded { $0.encodeStreamEventsRequest(request) })
    stream.finish()
    return RemoteEvents(stream: stream)
  }

  // MARK: - Calls

  private func job(
    _ method: String, timeout: Interval? = nil, _ encode: (Codec) -> Int
  ) async throws -> JobInfo {
    try await call(method, timeout: timeout, encode) { codec, bytes throws(WireError) in
      try codec.decodeJobResponse(bytes)
    }
  }

  private func count(_ method: String, _ encode: (Codec) -> Int) async throws -> UInt64 {
    try await call(method, timeout: .hours(1), encode) { codec, bytes throws(WireError) in
      try codec.decodeCountResponse(bytes)
    }
  }

  private func call(_ method: String, _ encode: (Codec) -> Int) async throws {
    try await call(method, encode) { _, _ throws(WireError) in }
  }

  /// - Throws: a `Status`, also when the answer cannot be read.
  private func call<Answer>(
    _ method: String, timeout: Interval? = nil, _ encode: (Codec) -> Int,
    decode: (Codec, RawSpan) throws(WireError) -> Answer
  ) async throws -> Answer {
    let limit = timeout ?? settings.timeout
    let response = try await channel.unary(
      "/gkick.v1.\(method)", encoded(encode), options: CallOptions(timeout: .microseconds(limit.microseconds)))
    do {
      return try decode(Codec(), response.readableBytesSpan)
    } catch {
      throw Status(.internal, "the server's answer cannot be read: \(error)")
    }
  }

  private func encoded(_ encode: (Codec) -> Int) -> ByteBuffer {
    let codec = Codec()
    _ = encode(codec)
    return ByteBuffer(bytes: codec.packed())
  }
}

/// Batches of events as the server sends them.
struct RemoteEvents: AsyncSequence {
  let stream: ClientStream

  struct Iterator: AsyncIteratorProtocol {
    var batches: ClientStream.Batches.AsyncIterator
    let codec = Codec()

    mutating func next() async throws -> Remote.EventBatch? {
      guard let messages = try await batches.next() else { return nil }
      var all = Remote.EventBatch(events: [], cursor: 0)
      for message in messages {
        do {
          let (events, cursor) = try codec.decodeStreamEventsResponse(message.readableBytesSpan)
          all.events += events
          all.cursor = Int64(cursor) ?? all.cursor
        } catch {
          throw Status(.internal, "the server's answer cannot be read: \(error)")
        }
      }
      return all
    }
  }

  func makeAsyncIterator() -> Iterator { Iterator(batches: stream.batches.makeAsyncIterator()) }
}

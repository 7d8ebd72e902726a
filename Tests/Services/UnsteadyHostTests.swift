import Jobs
import MemoryStorage
import Support
import Testing
import Wire

@testable import Services

/// A whole server on a storage that fails or hangs.
@Suite(.timeLimit(.minutes(1))) struct UnsteadyHostTests {
  private static var job: JobSpec {
    var job = JobSpec()
    job.name = "n"
    return job
  }

  private func withServer(_ body: (TestServer, UnsteadyStorage) async throws -> Void) async throws {
    let storage = UnsteadyStorage(MemoryStorage())
    let server = try await TestServer(HostLimits(), storage: storage)
    try await body(server, storage)
    storage.heal()
    await server.server.shutdownGracefully(within: .seconds(0))
    try await server.host.stop()
  }

  /// Whether it comes true within so long.
  private func soon(_ limit: Duration, _ isTrue: () -> Bool) async throws -> Bool {
    let end = ContinuousClock.now + limit
    while ContinuousClock.now < end {
      if isTrue() { return true }
      try await Task.sleep(for: .milliseconds(5))
    }
    return isTrue()
  }

  private func cancel(_ server: TestServer, _ id: String) async throws -> JobState {
    try await server.call(
      "JobService/CancelJob", { $0.encodeCancelJobRequest(id) },
      { codec, bytes throws(WireError) in try codec.decodeJobResponse(bytes) }
    ).state
  }

  @Test func aStorageThatFailsIsKnownWithinASecondAndAgainWhenItIsWell() async throws {
    try await withServer { (server: TestServer, storage: UnsteadyStorage) async throws in
      #expect(server.host.storageTrouble == nil)
      storage.plan { $0 == .write || $0 == .sync ? .fails(.unavailable) : nil }
      let status = await server.status("JobService/Enqueue") { $0.encodeEnqueueRequest(Self.job) }
      #expect(!status.isOK)
      #expect(try await soon(.seconds(1)) { server.host.storageTrouble != nil })
      storage.heal()
      #expect(try await soon(.seconds(5)) { server.host.storageTrouble == nil })
      #expect(try await server.enqueue(Self.job).state == .ready)
    }
  }

  @Test func rowsThatDoNotComeHoldUpNobodyElse() async throws {
    try await withServer { server, storage in
      var later = Self.job
      later.id = "later"
      _ = try await server.call(
        "JobService/Schedule",
        { $0.encodeScheduleRequest(JobOrder(job: later, time: .after(.hours(1)))) },
        { codec, bytes throws(WireError) in try codec.decodeScheduleResponse(bytes) })
      storage.plan { $0 == .rows ? .hangs : nil }
      async let canceled = cancel(server, "later")
      #expect(try await soon(.seconds(10)) { storage.hanging > 0 })
      // Its row is not here: what needs none goes on.
      for _ in 0..<20 { #expect(try await server.enqueue(Self.job).state == .ready) }
      #expect(try await server.job("later").state == .scheduled)
      storage.heal()
      #expect(try await canceled == .canceled)
    }
  }
}

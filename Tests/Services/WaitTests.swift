import Dispatch
import Engine
import Jobs
import Synchronization
import Testing
import Wire

@testable import Services

/// Reads jobs, but gives the first two answers out only when it is told to.
private final class SlowReader: JobReader {
  private let reader: any JobReader
  private let reads = Atomic<Int>(0)
  /// That the first and the second read have happened, and that their answers may go.
  let hasRead = [DispatchSemaphore(value: 0), DispatchSemaphore(value: 0)]
  let mayAnswer = [DispatchSemaphore(value: 0), DispatchSemaphore(value: 0)]

  init(_ reader: any JobReader) { self.reader = reader }

  func job(id: String) throws(StoreError) -> JobRecord? {
    let read = reads.wrappingAdd(1, ordering: .relaxed).oldValue
    let record = try reader.job(id: id)
    if read < 2 {
      hasRead[read].signal()
      mayAnswer[read].wait()
    }
    return record
  }

  func jobs(_ query: JobQuery) throws(StoreError) -> JobPage { try reader.jobs(query) }

  func events(after cursor: Int64, limit: Int) throws(StoreError) -> EventPage {
    try reader.events(after: cursor, limit: limit)
  }
}

@Suite struct WaitTests {
  /// The job ends while WaitJob's first look is on its way back: what it saw is old.
  @Test func anOldLookIsNotTheAnswer() async throws {
    let (server, slow) = try await slowServer()
    let id = try await server.enqueue(spec()).jobID
    async let waited: JobInfo = server.call(
      "JobService/WaitJob", { $0.encodeJobIDRequest(id) },
      { codec, bytes throws(WireError) in try codec.decodeJobResponse(bytes) })
    await until(slow.hasRead[0])
    try await cancel(id, at: server)
    await until(slow.hasRead[1])
    slow.mayAnswer[0].signal()
    // Comes back after the first answer has been looked at.
    #expect(try await server.job(id).state == .canceled)
    slow.mayAnswer[1].signal()
    #expect(try await waited.state == .canceled)
    try await end(server)
  }

  /// The job stops waiting while GetJob's look is on its way back: BLOCKED and how many it waits for would not fit together.
  @Test func whatIsKnownFitsWhatWasRead() async throws {
    let (server, slow) = try await slowServer()
    let first = try await server.enqueue(spec()).jobID
    var after = spec()
    after.dependsOn = [first]
    let id = try await server.enqueue(after).jobID
    async let shown = server.job(id)
    await until(slow.hasRead[0])
    try await cancel(first, at: server)
    for place in 0...1 { slow.mayAnswer[place].signal() }
    let info = try await shown
    #expect(info.state == .canceled)
    #expect(info.dependenciesOpen == 0)
    try await end(server)
  }

  private func slowServer() async throws -> (TestServer, SlowReader) {
    let reader = Mutex<SlowReader?>(nil)
    let server = try await TestServer(HostLimits()) { original in
      let slow = SlowReader(original)
      reader.withLock { $0 = slow }
      return slow
    }
    return (server, try #require(reader.withLock { $0 }))
  }

  private func end(_ server: TestServer) async throws {
    await server.channel.close()
    await server.server.shutdownGracefully(within: .seconds(0))
    try await server.host.stop()
  }

  private func cancel(_ id: String, at server: TestServer) async throws {
    guard case .controlled = await server.host.ask({ .control(.cancel(jobID: id, reason: "no"), $0) }) else {
      throw StoreError(.unavailable, "not canceled")
    }
  }

  private func until(_ semaphore: DispatchSemaphore) async {
    await withCheckedContinuation { continuation in
      DispatchQueue.global().async {
        semaphore.wait()
        continuation.resume()
      }
    }
  }
}

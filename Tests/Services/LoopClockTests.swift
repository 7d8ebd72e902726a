import Access
import Engine
import Jobs
import MemoryStorage
import NIOCore
import NIOEmbedded
import RPC
import Support
import Testing
import Wire

@testable import Services

/// Timers that calls have on their loop, under a clock that only the test turns.
@Suite struct LoopClockTests {
  private final class End: ClientCallHandler {
    let request: ByteBuffer
    var answers: [ByteBuffer] = []
    var status: Status?
    init(_ request: ByteBuffer) { self.request = request }
    func started(call: ClientCall) {
      call.send(request)
      call.halfClose()
    }
    func message(_ message: ByteBuffer, call: ClientCall) { answers.append(message) }
    func ended(_ status: Status, trailers: Metadata, call: ClientCall) { self.status = status }
  }

  /// Its call lasts until somebody else ends it.
  private final class Lasting: CallHandler {
    func message(_ message: ByteBuffer, call: ServerCall) {}
    func ended(_ reason: CallEnd, call: ServerCall) {}
  }

  private static func open(
    _ path: String, on transport: InProcessTransport, _ loop: EmbeddedEventLoop, metadata: Metadata = Metadata(),
    timeout: TimeAmount? = nil, _ encode: (Codec) -> Int
  ) -> End {
    let end = End(TestServer.bytes(encode))
    let bound = NIOLoopBound(end, eventLoop: loop)
    transport.open("/gkick.v1." + path, metadata: metadata, options: CallOptions(timeout: timeout)) { bound.value }
    loop.run()
    return end
  }

  // MARK: WaitJob

  /// The time that is left for the answer: a tenth, at least 30 ms, at most 300 ms.
  @Test(arguments: [(100, 70), (1_000, 900), (10_000, 9_700), (20, 0)] as [(Int64, Int64)])
  func waitJobTellsTheStateSoFarBeforeTheDeadline(_ timeout: Int64, _ answeredAfter: Int64) throws {
    let loop = EmbeddedEventLoop()
    let clock = TurnedClock()
    let engine = try EngineHost.inline(
      storage: MemoryStorage(), terms: StoreConfiguration(), configuration: EngineConfiguration(), seed: 1, loop: loop,
      clock: { Moment(wall: Timestamp(microseconds: clock.now), elapsed: Instant(microseconds: clock.now)) },
      zones: UTCOnly())
    var methods = MethodTable()
    Services.register(
      into: &methods, host: engine.host,
      configuration: ServicesConfiguration(
        serverID: "s", version: "1", storeKind: "memory", startedAt: Timestamp(seconds: 1)))
    let transport = InProcessTransport(methods: methods, eventLoop: loop)
    let put = Self.open("JobService/Enqueue", on: transport, loop) { $0.encodeEnqueueRequest(spec()) }
    let receipt = try #require(put.answers.first)
    let id = try Codec().decodeEnqueueResponse(receipt.readableBytesSpan).jobID

    let wait = Self.open("JobService/WaitJob", on: transport, loop, timeout: .milliseconds(timeout)) {
      $0.encodeJobIDRequest(id)
    }
    if answeredAfter > 0 {
      loop.advanceTime(by: .milliseconds(answeredAfter) - .nanoseconds(1))
      #expect(wait.status == nil)
      loop.advanceTime(by: .nanoseconds(1))
    }
    loop.run()
    #expect(wait.status?.code == .ok)
    let answer = try #require(wait.answers.first)
    let job = try Codec().decodeJobResponse(answer.readableBytesSpan)
    #expect(job.state == .ready)

    // Without a deadline it waits for ever, and nothing of it is left when it has been told.
    let endless = Self.open("JobService/WaitJob", on: transport, loop) { $0.encodeJobIDRequest(id) }
    loop.advanceTime(by: .hours(1_000))
    #expect(endless.status == nil)
    let end = Self.open("JobService/CancelJob", on: transport, loop) { $0.encodeJobIDRequest(id) }
    #expect(end.status?.code == .ok)
    loop.run()
    #expect(endless.status?.code == .ok)
  }

  // MARK: Who may stay

  @Test func whoExpiresLosesWhatTheyHaveOpenWithinASecond() throws {
    let loop = EmbeddedEventLoop()
    let clock = TurnedClock(0)
    var methods = MethodTable()
    methods.stream("/gkick.v1.JobService/StreamEvents", .serverStreaming) { _ in Lasting() }
    func entry(_ name: String, expires: Timestamp?) -> String {
      Principal(
        name: name, roles: RoleSet([.admin]), credentials: [.token(TokenHash(of: name.utf8))], expires: expires
      ).entry
    }
    var configuration = AccessControl.Configuration()
    configuration.now = { Timestamp(seconds: 1_000_000) + .microseconds(clock.now) }
    let list = AccessList(
      try AccessFile(entry("short", expires: Timestamp(seconds: 1_000_010)) + entry("long", expires: nil)))
    let control = AccessControl(list, over: &methods, group: loop, configuration: configuration)
    control.start()
    loop.run()
    let transport = InProcessTransport(methods: methods, eventLoop: loop)
    func watch(_ name: String) -> End {
      var metadata = Metadata()
      metadata.add("authorization", "Bearer \(name)")
      return Self.open("JobService/StreamEvents", on: transport, loop, metadata: metadata) {
        $0.encodeJobIDRequest("")
      }
    }
    func turn(milliseconds: Int64) {
      clock.turn(to: clock.now + milliseconds * 1_000)
      loop.advanceTime(by: .milliseconds(milliseconds))
      loop.run()
    }
    let (short, long) = (watch("short"), watch("long"))
    for _ in 0..<9 { turn(milliseconds: 1_000) }
    turn(milliseconds: 999)
    #expect(short.status == nil)
    turn(milliseconds: 1)
    #expect(short.status?.code == .unauthenticated)
    #expect(short.status?.message.contains("expired") == true)
    #expect(watch("short").status?.code == .unauthenticated)
    for _ in 0..<100 { turn(milliseconds: 1_000) }
    #expect(long.status == nil)
    control.stop()
    loop.run()
  }
}

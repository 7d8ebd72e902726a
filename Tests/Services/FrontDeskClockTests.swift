import Jobs
import NIOCore
import NIOEmbedded
import RPC
import Testing

@testable import Services

/// How long calls at a front wait for a leader, under a clock that only the test turns.
@Suite struct FrontDeskClockTests {
  private final class End: ClientCallHandler {
    var status: Status?
    func started(call: ClientCall) {
      call.send(ByteBuffer(bytes: []))
      call.halfClose()
    }
    func message(_ message: ByteBuffer, call: ClientCall) {}
    func ended(_ status: Status, trailers: Metadata, call: ClientCall) { self.status = status }
  }

  private final class NoChannel: LeaderChannel {
    func open(
      _ path: String, metadata: Metadata, options: CallOptions,
      _ makeHandler: @escaping @Sendable () -> any ClientCallHandler
    ) {}
    func close() {}
  }

  private struct Scene {
    let loop = EmbeddedEventLoop()
    let desk: FrontDesk
    let transport: InProcessTransport

    init() {
      let desk = FrontDesk(loop: loop, serverID: "me", connect: { _, _ in NoChannel() }, lost: { _, _ in })
      self.desk = desk
      var methods = MethodTable()
      methods.stream("/gkick.v1.JobService/Enqueue", .unary) { desk.relay(for: $0) }
      methods.stream("/gkick.v1.JobService/StreamEvents", .serverStreaming) { desk.relay(for: $0) }
      methods.stream("/gkick.v1.WorkerService/Work", .bidirectionalStreaming) { desk.relay(for: $0) }
      transport = InProcessTransport(methods: methods, eventLoop: loop)
    }

    func call(_ name: String, of service: String = "JobService", timeout: TimeAmount? = nil) -> End {
      let end = End()
      let bound = NIOLoopBound(end, eventLoop: loop)
      transport.open("/gkick.v1.\(service)/" + name, metadata: Metadata(), options: CallOptions(timeout: timeout)) {
        bound.value
      }
      loop.run()
      return end
    }
  }

  @Test func aCallWithoutADeadlineWaitsForHalfAMinute() {
    let scene = Scene()
    let call = scene.call("Enqueue")
    scene.loop.advanceTime(by: .milliseconds(29_999))
    #expect(call.status == nil)
    scene.loop.advanceTime(by: .milliseconds(1))
    scene.loop.run()
    #expect(call.status?.code == .unavailable)
    #expect(call.status?.message.contains("no server leads") == true)
  }

  /// Else a worker that comes back as soon as it is sent away would hold up the end.
  @Test func aServerThatGoesAwayTakesNoWorkers() {
    let scene = Scene()
    // It is heard: the empty message is no hello.
    #expect(scene.call("Work", of: "WorkerService").status?.code == .invalidArgument)
    #expect(scene.desk.drain() == 0)
    #expect(scene.call("Work", of: "WorkerService").status?.code == .unavailable)
  }

  @Test func aDeadlineIsKept() {
    let scene = Scene()
    let soon = scene.call("Enqueue", timeout: .seconds(3))
    let late = scene.call("Enqueue", timeout: .seconds(100))
    scene.loop.advanceTime(by: .seconds(3))
    #expect(soon.status?.code == .deadlineExceeded)
    scene.loop.advanceTime(by: .seconds(60))
    #expect(late.status == nil)
    scene.loop.advanceTime(by: .seconds(37))
    #expect(late.status?.code == .deadlineExceeded)
  }

  @Test func aWatcherWaitsAsLongAsItTakes() {
    let scene = Scene()
    let call = scene.call("StreamEvents")
    scene.loop.advanceTime(by: .hours(1))
    #expect(call.status == nil)
    // Also while the store is away; others are told at once, and so is who comes then.
    let waiting = scene.call("Enqueue")
    scene.desk.set(trouble: StoreError(.unavailable, "away"))
    scene.loop.run()
    #expect(waiting.status?.message.contains("away") == true)
    #expect(scene.call("Enqueue").status?.message.contains("away") == true)
    #expect(call.status == nil)
  }
}

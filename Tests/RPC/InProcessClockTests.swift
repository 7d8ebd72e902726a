import NIOCore
import NIOEmbedded
import Testing

@testable import RPC

/// The connection within the process: its timers under a clock that only the test turns, and how it is made anew.
@Suite struct InProcessClockTests {
  private final class End: ClientCallHandler {
    var call: ClientCall?
    var status: Status?
    func started(call: ClientCall) { self.call = call }
    func message(_ message: ByteBuffer, call: ClientCall) {}
    func ended(_ status: Status, trailers: Metadata, call: ClientCall) {
      #expect(self.status == nil)
      self.status = status
    }
  }

  /// Never answers.
  private final class Silent: CallHandler {
    let note: (CallEnd) -> Void
    init(_ note: @escaping (CallEnd) -> Void) { self.note = note }
    func message(_ message: ByteBuffer, call: ServerCall) {}
    func ended(_ reason: CallEnd, call: ServerCall) { note(reason) }
  }

  private final class Server {
    var calls: [ServerCall] = []
    var ends = 0
  }

  private struct Scene {
    let loop = EmbeddedEventLoop()
    let server = Server()
    let transport: InProcessTransport

    init() {
      let bound = NIOLoopBound(server, eventLoop: loop)
      var methods = MethodTable()
      methods.stream("/a.B/C", .bidirectionalStreaming) { call in
        bound.value.calls.append(call)
        return Silent { _ in bound.value.ends += 1 }
      }
      transport = InProcessTransport(methods: methods, eventLoop: loop)
    }

    func call(timeout: TimeAmount? = nil) -> End {
      let end = End()
      let bound = NIOLoopBound(end, eventLoop: loop)
      transport.open("/a.B/C", metadata: Metadata(), options: CallOptions(timeout: timeout)) { bound.value }
      loop.run()
      return end
    }
  }

  @Test func aDeadlineEndsTheCallOnBothSidesAndNoOther() {
    let scene = Scene()
    let short = scene.call(timeout: .seconds(5))
    let long = scene.call(timeout: .seconds(50))
    let endless = scene.call()
    #expect(scene.server.calls.count == 3)
    scene.loop.advanceTime(by: .milliseconds(4_999))
    #expect(short.status == nil)
    scene.loop.advanceTime(by: .milliseconds(1))
    scene.loop.run()
    #expect(short.status?.code == .deadlineExceeded)
    #expect(scene.server.ends == 1)
    scene.loop.advanceTime(by: .seconds(45))
    scene.loop.run()
    #expect(long.status?.code == .deadlineExceeded)
    scene.loop.advanceTime(by: .hours(10))
    #expect(endless.status == nil)
    #expect(scene.server.ends == 2)
  }

  /// A call that finds out that the server is gone ends the connection, with all its calls; the next one makes another.
  @Test func whatBrokeIsMadeAnew() {
    let scene = Scene()
    let first = scene.call()
    let other = scene.call()
    first.call?.giveUpConnection("nothing heard")
    #expect(first.status == Status(.unavailable, "nothing heard"))
    #expect(other.status == Status(.unavailable, "nothing heard"))
    #expect(scene.server.ends == 2)
    let next = scene.call()
    #expect(scene.server.calls.count == 3)
    scene.server.calls[2].finish(Status(.notFound, "heard"))
    scene.loop.run()
    #expect(next.status == Status(.notFound, "heard"))
  }
}

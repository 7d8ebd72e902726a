import HTTP2
import Logging
import NIOCore
import NIOEmbedded
import RPC
import Testing

@testable import RPCTransport

/// Every timer of a channel and its connections, under a clock that only the test moves.
struct ChannelClockTests {
  /// Says how a connection attempt goes, and is the server's side of those that succeed.
  // Sendable unchecked: used on the test's thread only, which is the embedded loop's.
  private final class ScriptedDialer: Dialer, @unchecked Sendable {
    enum Answer {
      case connected
      case refused
      /// Nothing at all.
      case silence
    }
    var answer = Answer.connected
    /// Connected ones say SETTINGS at once.
    var greets = true
    var attempts: [NIODeadline] = []
    var channels: [EmbeddedChannel] = []

    func dial(
      _ address: SocketAddress, _ handler: ClientConnectionHandler, on loop: any EventLoop
    ) -> EventLoopFuture<Void> {
      attempts.append(loop.now)
      switch answer {
      case .refused: return loop.makeFailedFuture(ChannelError.eof)
      case .silence: return loop.makePromise(of: Void.self).futureResult
      case .connected:
        guard let loop = loop as? EmbeddedEventLoop else { return loop.makeFailedFuture(ChannelError.eof) }
        let channel = EmbeddedChannel(handler: handler, loop: loop)
        channels.append(channel)
        channel.connect(to: address, promise: nil)
        if greets { hear(channel, [0, 0, 0, 4, 0, 0, 0, 0, 0]) }
        return loop.makeSucceededVoidFuture()
      }
    }

    func hear(_ channel: EmbeddedChannel, _ bytes: [UInt8]) {
      _ = try? channel.writeInbound(ByteBuffer(bytes: bytes))
    }

    /// The types of the frames that were sent since this was last asked.
    func sent(_ channel: EmbeddedChannel) -> [UInt8] {
      var all = ByteBuffer()
      while let part = try? channel.readOutbound(as: ByteBuffer.self) { all.writeImmutableBuffer(part) }
      if let preface = all.getString(at: 0, length: min(24, all.readableBytes)), preface.hasPrefix("PRI") {
        all.moveReaderIndex(forwardBy: 24)
      }
      var types: [UInt8] = []
      while let head = all.readBytes(length: 9) {
        types.append(head[3])
        all.moveReaderIndex(forwardBy: Int(head[0]) << 16 | Int(head[1]) << 8 | Int(head[2]))
      }
      return types
    }
  }

  private struct FixedResolver: AddressResolver {
    func resolve(on loop: any EventLoop) -> EventLoopFuture<[SocketAddress]> {
      loop.makeCompletedFuture { [try SocketAddress(ipAddress: "192.0.2.1", port: 1)] }
    }
  }

  private final class End: ClientCallHandler {
    var status: Status?
    func message(_ message: ByteBuffer, call: ClientCall) {}
    func ended(_ status: Status, trailers: Metadata, call: ClientCall) { self.status = status }
  }

  private struct Scene {
    let loop = EmbeddedEventLoop()
    let dialer = ScriptedDialer()
    let core: RPCTransport.ChannelCore

    init(_ change: (inout ClientConfiguration) -> Void = { _ in }) {
      var configuration = ClientConfiguration()
      configuration.backoff.jitter = 0
      configuration.keepalive = nil
      configuration.idleTimeout = nil
      change(&configuration)
      core = RPCTransport.ChannelCore(
        configuration: configuration,
        settings: ConnectionSettings(
          rpc: ClientRPCConfiguration(), context: LoopContext(eventLoop: loop),
          connectTimeout: configuration.backoff.connectTimeout, isTLS: false, dialer: dialer),
        resolver: FixedResolver(), logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
    }

    func start(timeout: TimeAmount? = nil, waits: Bool = false) -> End {
      let end = End()
      _ = core.start(
        "/a.B/C", metadata: Metadata(), options: CallOptions(timeout: timeout, waitForReady: waits), handler: end)
      loop.run()
      return end
    }
  }

  @Test func attemptsFollowTheBackOff() {
    let scene = Scene()
    scene.dialer.answer = .refused
    let call = scene.start(waits: true)
    scene.loop.advanceTime(by: .seconds(10))
    #expect(call.status == nil)
    let waits = zip(scene.dialer.attempts, scene.dialer.attempts.dropFirst()).map { ($1 - $0).nanoseconds / 1_000_000 }
    #expect(waits == [1_000, 1_600, 2_560, 4_096])
    scene.dialer.answer = .connected
    scene.loop.advanceTime(by: .seconds(10))
    #expect(scene.dialer.channels.count == 1)
    #expect(call.status == nil)
  }

  @Test func anAttemptHasItsTimeAlsoWhenNobodyGreets() {
    for greets in [false, true] {
      let scene = Scene()
      scene.dialer.answer = greets ? .silence : .connected
      scene.dialer.greets = false
      let call = scene.start()
      scene.loop.advanceTime(by: .milliseconds(19_999))
      #expect(call.status == nil)
      scene.loop.advanceTime(by: .milliseconds(1))
      #expect(call.status?.code == .unavailable)
      #expect(call.status?.message.contains("no answer in time") == true)
    }
  }

  @Test func deadlinesEndCallsWhereverTheyAre() {
    let scene = Scene()
    let sent = scene.start(timeout: .seconds(5))
    scene.dialer.answer = .silence
    scene.loop.advanceTime(by: .seconds(5))
    #expect(sent.status?.code == .deadlineExceeded)
    let other = Scene()
    other.dialer.answer = .silence
    let waiting = other.start(timeout: .seconds(3), waits: true)
    other.loop.advanceTime(by: .seconds(3))
    #expect(waiting.status?.code == .deadlineExceeded)
  }

  @Test func anIdleChannelClosesItsConnection() {
    let scene = Scene { $0.idleTimeout = .seconds(60) }
    let call = scene.start(timeout: .seconds(1))
    scene.loop.advanceTime(by: .seconds(1))
    #expect(call.status != nil)
    #expect(scene.dialer.channels[0].isActive)
    scene.loop.advanceTime(by: .seconds(120))
    #expect(!scene.dialer.channels[0].isActive)
    _ = scene.start()
    #expect(scene.dialer.channels.count == 2)
  }

  @Test func silenceEndsTheConnectionAndTheNextCallDialsAnew() {
    let scene = Scene { $0.keepalive = ClientKeepalive() }
    let call = scene.start()
    let first = scene.dialer.channels[0]
    #expect(scene.dialer.sent(first).contains(1))
    scene.loop.advanceTime(by: .seconds(20))
    #expect(scene.dialer.sent(first) == [6], "a PING")
    // The answer to it.
    scene.dialer.hear(first, [0, 0, 8, 6, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
    scene.loop.advanceTime(by: .seconds(20))
    #expect(scene.dialer.sent(first) == [6])
    #expect(call.status == nil)
    scene.loop.advanceTime(by: .seconds(10))
    #expect(call.status == Status(.unavailable, "the server did not answer a PING in time"))
    #expect(!first.isActive)
    let next = scene.start()
    #expect(scene.dialer.channels.count == 2)
    #expect(scene.dialer.sent(scene.dialer.channels[1]).contains(1))
    #expect(next.status == nil)
  }

  @Test func aCallGivesItsConnectionUpForAll() throws {
    let scene = Scene()
    let end = End()
    let call = scene.core.start("/a.B/C", metadata: Metadata(), options: CallOptions(), handler: end)
    let other = scene.start()
    call.giveUpConnection("nothing heard")
    #expect(end.status == Status(.unavailable, "nothing heard"))
    #expect(other.status == Status(.unavailable, "nothing heard"))
    scene.loop.run()
    _ = scene.start()
    #expect(scene.dialer.channels.count == 2)
  }

  @Test func aStreamNoticesSilenceButNotItsOwnPause() {
    let scene = Scene()
    let inside = StreamInside(CallSlot(scene.loop))
    let call = scene.core.start(
      "/a.B/C", metadata: Metadata(), options: CallOptions(),
      handler: StreamHandler(inside, silence: .seconds(20)))
    scene.loop.run()
    call.pauseReading()
    scene.loop.advanceTime(by: .seconds(60))
    #expect(call.isOpen)
    call.resumeReading()
    scene.loop.advanceTime(by: .seconds(19))
    #expect(call.isOpen)
    scene.loop.advanceTime(by: .seconds(6))
    #expect(!call.isOpen)
    #expect(!scene.dialer.channels[0].isActive)
  }

  @Test func closingWaitsForItsCallsAndNoLonger() throws {
    let scene = Scene()
    let call = scene.start()
    let waiting = scene.core.close(grace: .seconds(3))
    scene.loop.advanceTime(by: .seconds(2))
    #expect(call.status == nil)
    scene.loop.advanceTime(by: .seconds(1))
    #expect(call.status?.code == .unavailable)
    try waiting.wait()
    #expect(scene.start().status == Status(.unavailable, "the channel is closed"))
  }
}

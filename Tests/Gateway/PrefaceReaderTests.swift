import NIOCore
import NIOEmbedded
import NIOTLS
import Synchronization
import Testing

@testable import Gateway

/// What a plaintext connection's first bytes are taken for.
@Suite struct PrefaceReaderTests {
  /// What the reader tells those after it.
  private final class Seen: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    var negotiated: [String?] = []
    var bytes = ByteBuffer()

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
      if case .handshakeCompleted(let name)? = event as? TLSUserEvent { negotiated.append(name) }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) { bytes.writeImmutableBuffer(unwrapInboundIn(data)) }
  }

  private final class Strangers: Sendable {
    let count = Atomic(0)
  }

  private struct Scene {
    let loop = EmbeddedEventLoop()
    let channel: EmbeddedChannel
    let seen = Seen()
    let strangers = Strangers()

    init() throws {
      let strangers = strangers
      channel = EmbeddedChannel(
        handlers: [
          PrefaceReader { _ in strangers.count.add(1, ordering: .relaxed) }, seen,
        ], loop: loop)
      try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
    }

    func hear(_ text: String) throws { try channel.writeInbound(ByteBuffer(string: text)) }
  }

  private static let preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

  /// Both would otherwise hold a place, and up the server's end, until their minute is over.
  @Test(arguments: ["", "PRI * HTTP/2.0"])
  func whoSaysNothingMoreIsClosedWithItsInputOrTheServer(_ text: String) throws {
    for event in [ChannelEvent.inputClosed, ChannelShouldQuiesceEvent()] as [any Sendable] {
      let scene = try Scene()
      if !text.isEmpty { try scene.hear(text) }
      #expect(scene.channel.isActive)
      scene.channel.pipeline.fireUserInboundEventTriggered(event)
      scene.loop.run()
      #expect(!scene.channel.isActive)
    }
  }

  @Test func whatBothSpeakIsKnown() throws {
    for (text, name) in [(Self.preface + "more", "h2"), ("GET / HTTP/1.1\r\n", "http/1.1"), ("P", nil)] {
      let scene = try Scene()
      try scene.hear(text)
      #expect(scene.seen.negotiated == (name.map { [$0] } ?? []))
      if name == nil { continue }
      #expect(String(buffer: scene.seen.bytes) == text)
      #expect(scene.channel.isActive)
      #expect(scene.strangers.count.load(ordering: .relaxed) == 0)
    }
  }

  @Test func whoSpeaksTLSIsTold() throws {
    let scene = try Scene()
    try scene.channel.writeInbound(ByteBuffer(bytes: [0x16, 3, 1, 2, 0, 1]))
    #expect(scene.strangers.count.load(ordering: .relaxed) == 1)
  }
}

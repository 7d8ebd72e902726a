import Glibc
import NIOCore
import NIOEmbedded
import Testing

@testable import RPCTransport

/// A listener that cannot accept, under a clock that only the test turns.
@Suite struct AcceptBackoffTests {
  private final class Errors: ChannelInboundHandler {
    typealias InboundIn = any Channel
    var seen: [any Error] = []
    func errorCaught(context: ChannelHandlerContext, error: any Error) { seen.append(error) }
  }

  private struct Scene {
    let channel = EmbeddedChannel()
    let errors = Errors()

    init() throws { try channel.pipeline.syncOperations.addHandlers([AcceptBackoff(), errors]) }

    func fail(_ error: any Error) { channel.pipeline.fireErrorCaught(error) }

    func pass(milliseconds: Int64) { channel.embeddedEventLoop.advanceTime(by: .milliseconds(milliseconds)) }

    /// Whether it accepts, as was last asked for; nil: nothing was.
    var reads: Bool? {
      channel.options.last { $0.option is ChannelOptions.Types.AutoReadOption }?.value as? Bool
    }
  }

  @Test(arguments: [EMFILE, ENFILE, ENOBUFS, ENOMEM])
  func restsForAFifthOfASecond(_ code: Int32) throws {
    let scene = try Scene()
    for _ in 0..<3 {
      scene.fail(IOError(errnoCode: code, reason: "accept"))
      #expect(scene.reads == false)
      scene.pass(milliseconds: 199)
      #expect(scene.reads == false)
      scene.pass(milliseconds: 1)
      #expect(scene.reads == true)
    }
    #expect(scene.errors.seen.isEmpty)
  }

  @Test func otherErrorsArePassedOn() throws {
    let scene = try Scene()
    scene.fail(IOError(errnoCode: ECONNABORTED, reason: "accept"))
    scene.fail(ChannelError.ioOnClosedChannel)
    #expect(scene.reads == nil)
    #expect(scene.errors.seen.count == 2)
  }
}

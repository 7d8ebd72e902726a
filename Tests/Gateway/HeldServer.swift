import NIOCore

@testable import Gateway
@testable import RPC

/// A server of one unary method that answers when the test says so.
final class HeldServer {
  static let path = "/gkick.v1.AdminService/PauseQueue"

  private final class Waiting: CallHandler {
    let server: HeldServer
    init(_ server: HeldServer) { self.server = server }
    func message(_ message: ByteBuffer, call: ServerCall) { server.got.append(String(buffer: message)) }
    func ended(_ reason: CallEnd, call: ServerCall) { server.ends += 1 }
  }

  private(set) var calls: [ServerCall] = []
  private(set) var got: [String] = []
  private(set) var ends = 0

  /// The way to it on this loop, for bodies of at most 100 bytes.
  func connectCalls(on loop: any EventLoop, origins: [String] = []) -> ConnectCalls {
    let bound = NIOLoopBound(self, eventLoop: loop)
    var methods = MethodTable()
    methods.stream(Self.path, .unary) { call in
      bound.value.calls.append(call)
      return Waiting(bound.value)
    }
    let transport = InProcessTransport(methods: methods, eventLoop: loop)
    return ConnectCalls(deck: TransportDeck([transport]), maxBody: 100, origins: origins)
  }

  func answer(_ index: Int, _ text: String) {
    calls[index].send(ByteBuffer(string: text))
    calls[index].finish(.ok)
  }
}

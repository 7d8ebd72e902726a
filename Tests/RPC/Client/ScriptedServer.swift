import HTTP2
import NIOCore
import NIOPosix

@testable import RPC

/// A client connection and, at the other end, a bare HTTP/2 session that answers as a test tells it to, rightly or wrongly.
final class ScriptedServer {
  let client: ClientConnection
  let server: HTTP2Session
  let context: LoopContext
  private let serverScratch = HTTP2Scratch()
  let now = NIODeadline.uptimeNanoseconds(1_000_000_000)

  /// What the server saw.
  var requests: [Int32: [String: String]] = [:]
  var slots: [Int32] = []
  var received: [Int32: [UInt8]] = [:]
  var ended: Set<Int32> = []
  var closed: [Int32: HTTP2ErrorCode] = [:]

  /// One byte at a time: nothing may depend on how bytes are cut.
  var trickles = false

  init(
    _ loop: any EventLoop, configuration: ClientRPCConfiguration = ClientRPCConfiguration(),
    serverConfiguration: HTTP2Configuration = HTTP2Configuration(role: .server)
  ) throws {
    context = LoopContext(eventLoop: loop)
    client = try ClientConnection(configuration: configuration, context: context, now: now)
    server = try HTTP2Session(configuration: serverConfiguration, scratch: serverScratch, now: now)
    pump()
  }

  /// Moves bytes both ways until neither side has more.
  func pump() {
    var isMoving = true
    while isMoving {
      isMoving = false
      var out = ByteBuffer()
      client.produce(into: &out, limit: 1 << 20, now: now)
      if out.readableBytes > 0 {
        isMoving = true
        serverScratch.reset()
        _ = server.receive(out, at: 0, length: out.readableBytes, now: now)
        handleEvents(out)
      }
      var back = ByteBuffer()
      serverScratch.reset()
      server.produce(into: &back, limit: 1 << 20, now: now)
      handleEvents(ByteBuffer())
      if back.readableBytes > 0 {
        isMoving = true
        if trickles {
          while let byte = back.readSlice(length: 1) { _ = client.receive(byte, now: now) }
        } else {
          _ = client.receive(back, now: now)
        }
      }
    }
  }

  private func handleEvents(_ input: ByteBuffer) {
    var events: [HTTP2Event] = []
    serverScratch.takeEvents(into: &events)
    for event in events {
      switch event {
      case .headers(let slot, let block, let endStream):
        let fields = HTTP2HeaderFields(serverScratch.fields(block))
        for field in fields { requests[slot, default: [:]][fields.name(field)] = fields.value(field) }
        slots.append(slot)
        received[slot] = []
        if endStream { ended.insert(slot) }
      case .data(let slot, let offset, let length):
        received[slot, default: []] += input.getBytes(at: Int(offset), length: Int(length)) ?? []
        server.consume(slot, connection: Int(length), stream: Int(length))
      case .endStream(let slot), .trailers(let slot, _): ended.insert(slot)
      case .closed(let slot, let error): closed[slot] = error
      default: break
      }
    }
  }

  // MARK: - Answers

  static func list(_ fields: [(String, String)]) -> HTTP2HeaderList {
    var list = HTTP2HeaderList()
    for (name, value) in fields { list.add(name, value) }
    return list
  }

  func head(
    _ slot: Int32, _ more: [(String, String)] = [], status: String = "200", contentType: String = "application/grpc"
  ) {
    server.respond(
      slot, Self.list([(":status", status), ("content-type", contentType)] + more), endStream: false)
  }

  func only(_ slot: Int32, _ fields: [(String, String)]) {
    server.respond(slot, Self.list(fields), endStream: true)
  }

  func raw(_ slot: Int32, _ bytes: [UInt8]) {
    var box = server.takeOutbox(slot)
    box.writeBytes(bytes)
    server.putOutbox(slot, box)
  }

  func message(_ slot: Int32, _ text: String, flag: UInt8 = 0) {
    raw(slot, [flag, 0, 0, 0, UInt8(text.utf8.count)] + Array(text.utf8))
  }

  func trailers(_ slot: Int32, _ fields: [(String, String)]) {
    server.finish(slot, trailers: Self.list(fields))
  }
}

/// Keeps all that a call was told.
final class RecordingHandler: ClientCallHandler {
  var metadata: Metadata?
  var messages: [String] = []
  var rounds = 0
  var writables = 0
  var status: Status?
  var trailers = Metadata()
  var onMessage: ((ClientCall) -> Void)?

  func initialMetadata(_ metadata: Metadata, call: ClientCall) { self.metadata = metadata }

  func message(_ message: ByteBuffer, call: ClientCall) {
    messages.append(String(buffer: message))
    onMessage?(call)
  }

  func readComplete(call: ClientCall) { rounds += 1 }
  func writable(call: ClientCall) { writables += 1 }

  func ended(_ status: Status, trailers: Metadata, call: ClientCall) {
    precondition(self.status == nil, "told twice of its end")
    self.status = status
    self.trailers = trailers
  }
}

extension ScriptedServer {
  func call(
    _ handler: RecordingHandler, path: String = "/test.Service/Method", metadata: Metadata = Metadata(),
    options: CallOptions = CallOptions(), deadline: NIODeadline? = nil, router: (any ClientCallRouter)? = nil
  ) -> ClientCall {
    let call = ClientCall(
      path: path, metadata: metadata, options: options, deadline: deadline, context: context,
      configuration: client.configuration, handler: handler)
    call.router = router
    return call
  }

  /// A call with one message that has reached the server; its slot there.
  func started(_ handler: RecordingHandler, halfClosed: Bool = true) -> (ClientCall, Int32) {
    let call = call(handler)
    call.send(ByteBuffer(string: "question"))
    if halfClosed { call.halfClose() }
    precondition(client.start(call, now: now))
    pump()
    return (call, slots.last ?? -1)
  }
}

/// Runs the body on an event loop, where calls and connections belong.
func onLoop(_ body: @escaping @Sendable (any EventLoop) throws -> Void) async throws {
  let loop = MultiThreadedEventLoopGroup.singleton.next()
  try await loop.submit { try body(loop) }.get()
}

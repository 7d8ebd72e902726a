import HTTP2
import NIOCore
import NIOEmbedded

@testable import RPC

/// A server connection and a client that speaks plain HTTP/2 to it, in memory, with time at the test's command.
final class TestServer: ServerConnectionDelegate {
  /// What came back on one stream.
  struct Reply {
    var head: [String: String] = [:]
    var body: [UInt8] = []
    var trailers: [String: String] = [:]
    var closed: HTTP2ErrorCode?
    var isTrailersOnly = false

    var status: Int? { (trailers["grpc-status"] ?? head["grpc-status"]).flatMap { Int($0) } }
    var message: String? { trailers["grpc-message"] ?? head["grpc-message"] }
  }

  let loop = EmbeddedEventLoop()
  let connection: ServerConnection
  let client: HTTP2Session
  private(set) var replies: [Int32: Reply] = [:]
  private(set) var deadline: NIODeadline?
  private(set) var outputAsked = 0
  var now = NIODeadline.uptimeNanoseconds(1_000_000_000)
  /// Whether the client takes what it is sent.
  var clientReads = true

  init(
    _ methods: MethodTable, configuration: RPCConfiguration = RPCConfiguration(),
    budget: OutputBudget = OutputBudget(limit: .max)
  ) throws {
    connection = try ServerConnection(
      configuration: configuration, methods: methods, context: LoopContext(eventLoop: loop, budget: budget),
      peer: Peer(address: "test"), now: now)
    client = try HTTP2Session(configuration: HTTP2Configuration(role: .client), scratch: HTTP2Scratch(), now: now)
    connection.delegate = self
    run()
  }

  func outputAdded() { outputAsked += 1 }
  func deadlineChanged(_ deadline: NIODeadline) { self.deadline = deadline }

  /// Moves bytes until nobody has any; runs what waits on the loop.
  func run() {
    for _ in 0..<10_000 {
      loop.run()
      let toServer = clientOutput()
      var toClient = ByteBuffer()
      if toServer.readableBytes > 0 { _ = connection.receive(toServer, now: now) }
      connection.produce(into: &toClient, limit: 16 * 1024, now: now)
      if toServer.readableBytes == 0, toClient.readableBytes == 0 { return }
      clientInput(toClient)
    }
  }

  func clientOutput() -> ByteBuffer {
    client.scratch.reset()
    var out = ByteBuffer()
    client.produce(into: &out, limit: 16 * 1024, now: now)
    note(ByteBuffer())
    return out
  }

  func clientInput(_ bytes: ByteBuffer) {
    client.scratch.reset()
    _ = client.receive(bytes, at: 0, length: bytes.readableBytes, now: now)
    note(bytes)
  }

  private func note(_ input: ByteBuffer) {
    var events: [HTTP2Event] = []
    client.scratch.takeEvents(into: &events)
    for event in events {
      switch event {
      case .headers(let slot, let block, let endStream):
        replies[slot, default: Reply()].head = fields(block)
        replies[slot, default: Reply()].isTrailersOnly = endStream
      case .trailers(let slot, let block): replies[slot, default: Reply()].trailers = fields(block)
      case .data(let slot, let offset, let length):
        replies[slot, default: Reply()].body += Array(input.viewBytes(at: Int(offset), length: Int(length))!)
        if clientReads { client.consume(slot, connection: Int(length), stream: Int(length)) }
      case .closed(let slot, let error): replies[slot, default: Reply()].closed = error
      default: break
      }
    }
  }

  private func fields(_ block: HTTP2HeaderBlock) -> [String: String] {
    let fields = HTTP2HeaderFields(client.scratch.fields(block))
    return Dictionary(fields.map { (fields.name($0), fields.value($0)) }, uniquingKeysWith: { "\($0),\($1)" })
  }

  /// Opens a stream; headers given replace the usual ones.
  func open(_ path: String, _ headers: [(String, String)] = [], endStream: Bool = false) -> Int32 {
    var all = [
      (":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "test"),
      ("content-type", "application/grpc"), ("te", "trailers"),
    ]
    all.removeAll { field in headers.contains { $0.0 == field.0 } }
    all += headers
    all.sort { $0.0.hasPrefix(":") && !$1.0.hasPrefix(":") }
    var list = HTTP2HeaderList()
    for (name, value) in all where !value.isEmpty { list.add(name, value) }
    let slot = client.request(list, endStream: endStream)!
    replies[slot] = Reply()
    return slot
  }

  func write(_ slot: Int32, _ bytes: [UInt8]) {
    var box = client.takeOutbox(slot)
    box.writeBytes(bytes)
    client.putOutbox(slot, box)
  }

  /// One whole call with these body bytes.
  func call(_ path: String, _ headers: [(String, String)] = [], body: [UInt8]) -> Reply {
    let slot = open(path, headers)
    write(slot, body)
    client.finish(slot)
    run()
    return replies[slot]!
  }

  static func frame(_ message: [UInt8], flag: UInt8 = 0) -> [UInt8] {
    let count = UInt32(message.count)
    return [flag, UInt8(count >> 24), UInt8(count >> 16 & 255), UInt8(count >> 8 & 255), UInt8(count & 255)] + message
  }
}

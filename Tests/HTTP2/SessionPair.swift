import HTTP2
import NIOCore

/// A session with the events it had, in a form that outlives the scratch.
final class Recorder {
  enum Event: Equatable {
    case headers(Int32, [String], endStream: Bool, tooLarge: Bool)
    case trailers(Int32, [String])
    case data(Int32, [UInt8])
    case endStream(Int32)
    case closed(Int32, HTTP2ErrorCode)
    case other(String)
  }

  let session: HTTP2Session
  var events: [Event] = []
  /// Whether DATA is consumed as it comes.
  var reads = true
  var now = NIODeadline.uptimeNanoseconds(1_000_000_000)

  init(_ configuration: HTTP2Configuration, scratch: HTTP2Scratch = HTTP2Scratch()) throws {
    session = try HTTP2Session(configuration: configuration, scratch: scratch, now: now)
  }

  @discardableResult
  func receive(_ bytes: ByteBuffer) -> Bool {
    session.scratch.reset()
    let alive = session.receive(bytes, at: 0, length: bytes.readableBytes, now: now)
    note(input: bytes)
    return alive
  }

  func produce(limit: Int = .max) -> ByteBuffer {
    session.scratch.reset()
    var out = ByteBuffer()
    session.produce(into: &out, limit: limit, now: now)
    note(input: ByteBuffer())
    return out
  }

  private func note(input: ByteBuffer) {
    var taken: [HTTP2Event] = []
    session.scratch.takeEvents(into: &taken)
    for event in taken {
      switch event {
      case .headers(let slot, let block, let endStream):
        events.append(.headers(slot, fields(block), endStream: endStream, tooLarge: block.tooLarge))
      case .trailers(let slot, let block):
        events.append(.trailers(slot, fields(block)))
      case .data(let slot, let offset, let length):
        let bytes = Array(input.viewBytes(at: input.readerIndex + Int(offset), length: Int(length))!)
        if case .data(slot, let before)? = events.last {
          events[events.count - 1] = .data(slot, before + bytes)
        } else {
          events.append(.data(slot, bytes))
        }
        if reads { session.consume(slot, connection: Int(length), stream: Int(length)) }
      case .endStream(let slot): events.append(.endStream(slot))
      case .closed(let slot, let error):
        events.append(.closed(slot, error))
        session.release(slot)
      default: events.append(.other("\(event)"))
      }
    }
  }

  private func fields(_ block: HTTP2HeaderBlock) -> [String] {
    let fields = HTTP2HeaderFields(session.scratch.fields(block))
    return fields.map { "\(fields.name($0)): \(fields.value($0))" }
  }
}

struct SessionPair {
  let client: Recorder
  let server: Recorder

  init(server configuration: HTTP2Configuration = HTTP2Configuration(role: .server)) throws {
    client = try Recorder(HTTP2Configuration(role: .client))
    server = try Recorder(configuration)
  }

  /// Moves bytes until nobody has any. Returns what the client sent and what the server sent.
  @discardableResult
  func run() -> (ByteBuffer, ByteBuffer) {
    var sent = (ByteBuffer(), ByteBuffer())
    for _ in 0..<10_000 {
      var toServer = client.produce(limit: 8192)
      var toClient = server.produce(limit: 8192)
      if toServer.readableBytes == 0, toClient.readableBytes == 0 { break }
      server.receive(toServer)
      client.receive(toClient)
      sent.0.writeBuffer(&toServer)
      sent.1.writeBuffer(&toClient)
    }
    return sent
  }
}

extension HTTP2HeaderList {
  init(_ fields: [(String, String)]) {
    self.init()
    for (name, value) in fields { add(name, value) }
  }

  static let request = HTTP2HeaderList([
    (":method", "POST"), (":scheme", "http"), (":path", "/a.B/C"), (":authority", "here"),
    ("content-type", "application/grpc"), ("te", "trailers"),
  ])
  static let response = HTTP2HeaderList([(":status", "200"), ("content-type", "application/grpc")])
}

extension HTTP2Session {
  func write(_ slot: Int32, _ bytes: [UInt8]) {
    var box = takeOutbox(slot)
    box.writeBytes(bytes)
    putOutbox(slot, box)
  }
}

/// Frames as bytes, for what no session would send.
enum Frame {
  static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)
  static let settings = frame(4, 0, 0, [])
  static let settingsAck = frame(4, 1, 0, [])

  static func frame(_ type: UInt8, _ flags: UInt8, _ stream: UInt32, _ payload: [UInt8]) -> [UInt8] {
    let length = payload.count
    let header: [UInt8] = [UInt8(length >> 16 & 255), UInt8(length >> 8 & 255), UInt8(length & 255), type, flags]
    return header + bytes(stream) + payload
  }

  static func bytes(_ value: UInt32) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * UInt32($0))) }
  }

  /// HPACK literals without indexing, without Huffman coding.
  static func literals(_ fields: [(String, String)]) -> [UInt8] {
    var result: [UInt8] = []
    for (name, value) in fields {
      result.append(0)
      result += length(name.utf8.count)
      result += Array(name.utf8)
      result += length(value.utf8.count)
      result += Array(value.utf8)
    }
    return result
  }

  private static func length(_ value: Int) -> [UInt8] {
    if value < 127 { return [UInt8(value)] }
    var rest = value - 127
    var result: [UInt8] = [127]
    while rest >= 128 {
      result.append(UInt8(rest & 127 | 128))
      rest >>= 7
    }
    return result + [UInt8(rest)]
  }

  static func request(_ stream: UInt32, endStream: Bool = false, extra: [(String, String)] = []) -> [UInt8] {
    let fields = [
      (":method", "POST"), (":scheme", "http"), (":path", "/a.B/C"), (":authority", "here"),
      ("content-type", "application/grpc"),
    ]
    return frame(1, endStream ? 5 : 4, stream, literals(fields + extra))
  }
}

import GKickMessages
import HTTPTypes
import Hummingbird
import NIOCore
import RPC
import SwiftProtobuf

/// `GET /events`: the stream of job events as server-sent events (HTML standard, section 9.2), for EventSource.
struct EventFeed: Sendable {
  let deck: TransportDeck

  private static let lastEventID = HTTPField.Name("last-event-id")!

  /// Query: `queue`, `name`, `type` (`succeeded` ...), `job`, each any number of times; `batch` and `after` once. `Last-Event-ID` is where a
  /// browser goes on by itself.
  func respond(to request: Request, _ context: GatewayContext) async throws(ConnectError) -> Response {
    var wanted = Gkick_V1_StreamEventsRequest()
    for (key, value) in request.uri.queryParameters {
      let value = String(value)
      switch key {
      case "queue": wanted.queues.append(value)
      case "name": wanted.names.append(value)
      case "job": wanted.jobIds.append(value)
      case "batch": wanted.batchID = value
      case "after": wanted.afterCursor = value
      case "type":
        guard let type = Self.types[value.lowercased()] else {
          throw ConnectError(.invalidArgument, "type: \"\(value)\" is no type of event")
        }
        wanted.types.append(type)
      default:
        throw ConnectError(
          .invalidArgument, "unknown parameter \"\(key)\"; there are queue, name, type, job, batch, after")
      }
    }
    if let last = request.headers[Self.lastEventID], !last.isEmpty { wanted.afterCursor = last }
    let message: ByteBuffer
    do {
      message = ByteBuffer(bytes: try wanted.serializedBytes() as [UInt8])
    } catch {
      throw ConnectError(.invalidArgument, "the query cannot be read")
    }
    let answers = deck.next.stream(
      "/gkick.v1.JobService/StreamEvents", messages: [message],
      metadata: CallHead(request.head).metadata(from: context.address))
    // The server says at once where the stream begins, or why it cannot: before a body has begun that can still be a status.
    let iterator = answers.makeAsyncIterator()
    let first: ByteBuffer?
    do {
      first = try await iterator.next()
    } catch let status as Status {
      // Of a place that is gone or was none EventSource must not try again by itself.
      throw ConnectError(status, httpStatus: status.code == .outOfRange ? .badRequest : nil)
    } catch {
      throw ConnectError(.internal, "\(error)")
    }
    var headers = HTTPFields()
    headers[.contentType] = "text/event-stream"
    headers[.cacheControl] = "no-store"
    headers[HTTPField.Name("x-accel-buffering")!] = "no"
    let source = EventSource(first: first, iterator: iterator)
    return Response(status: .ok, headers: headers, body: ResponseBody { writer in try await source.write(to: &writer) })
  }

  /// "succeeded": EVENT_TYPE_SUCCEEDED ...
  static let types: [String: Gkick_V1_EventType] = Dictionary(
    uniqueKeysWithValues: Gkick_V1_EventType.allCases.compactMap { type in
      let word = name(type)
      return word == "unspecified" ? nil : (word, type)
    })

  static func name(_ type: Gkick_V1_EventType) -> String { names[type.rawValue] ?? "unspecified" }

  private static let names: [Int: String] = Dictionary(
    uniqueKeysWithValues: Gkick_V1_EventType.allCases.map { ($0.rawValue, spell($0)) })

  private static func spell(_ type: Gkick_V1_EventType) -> String {
    // The one place where swift-protobuf says an enum's name: as JSON writes it.
    var event = Gkick_V1_Event()
    event.type = type
    let text = (try? event.jsonString()) ?? ""
    guard let start = text.range(of: "EVENT_TYPE_"), let end = text.lastIndex(of: "\"") else { return "unspecified" }
    return text[start.upperBound..<end].lowercased()
  }
}

/// The lines of one feed.
private struct EventSource: @unchecked Sendable {  // The iterator has one user: the one body that is written.
  let first: ByteBuffer?
  let iterator: InProcessAnswers.AsyncIterator

  func write(to writer: inout any ResponseBodyWriter) async throws {
    var next = first
    do {
      while let answer = next {
        try await writer.write(try lines(answer))
        next = try await iterator.next()
      }
    } catch let status as Status {
      try await writer.write(ByteBuffer(string: "event: error\ndata: \(ConnectError(status).json)\n\n"))
    }
    try await writer.finish(nil)
  }

  /// One message of the stream. One without events is a heartbeat: it goes on as a comment, with where the stream is, so that a browser that comes
  /// back after a quiet hour goes on from there.
  private func lines(_ answer: ByteBuffer) throws -> ByteBuffer {
    let message = try Gkick_V1_StreamEventsResponse(serializedBytes: Array(answer.readableBytesView))
    var text = ""
    for event in message.events {
      text += "id: \(event.cursor)\nevent: \(EventFeed.name(event.type))\ndata: \(try event.jsonString())\n\n"
    }
    if message.events.isEmpty { text = message.cursor.isEmpty ? ":\n\n" : ":\nid: \(message.cursor)\n\n" }
    return ByteBuffer(string: text)
  }
}

import NIOCore
import RPC
import Wire

/// A watcher's stream, handed on to the leader as bytes. With the next leader it goes on after the last cursor that the watcher was given.
final class EventRelay: Relay {
  let call: ServerCall
  let stays = true
  let desk: FrontDesk
  var onward = Onward()
  private var request: [UInt8] = []
  private var cursor: String?

  init(_ call: ServerCall, _ desk: FrontDesk) {
    self.call = call
    self.desk = desk
  }

  func message(_ message: ByteBuffer, call: ServerCall) {
    request = Array(message.readableBytesView)
    desk.seek(self)
  }

  func started(call upstream: ClientCall) {
    guard call.isOpen else { return upstream.cancel() }
    onward.call = upstream
    let words = cursor.map { Forwarding.events(request, after: $0) } ?? request
    upstream.send { $0.writeBytes(words) }
    upstream.halfClose()
  }

  func message(_ message: ByteBuffer, call upstream: ClientCall) {
    if let place = Forwarding.cursor(of: message.readableBytesUInt8Span), !place.isEmpty { cursor = place }
    call.send(message)
    if !call.isWritable { upstream.pauseReading() }
  }
}

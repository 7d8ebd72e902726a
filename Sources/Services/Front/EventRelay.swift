import NIOCore
import RPC
import Wire

/// A watcher's stream, handed on to the leader as bytes. With the next leader it goes on after the last cursor that the watcher was given.
final class EventRelay: CallHandler, ClientCallHandler, Relay {
  let call: ServerCall
  let stays = true
  private let desk: FrontDesk
  private var request: [UInt8] = []
  private var cursor: String?
  private var upstream: ClientCall?
  private var target: LeaderTarget?
  private var way: Way?

  init(_ call: ServerCall, _ desk: FrontDesk) {
    self.call = call
    self.desk = desk
  }

  func message(_ message: ByteBuffer, call: ServerCall) {
    request = Array(message.readableBytesView)
    desk.seek(self)
  }

  func writable(call: ServerCall) { upstream?.resumeReading() }

  func ended(_ reason: CallEnd, call: ServerCall) {
    desk.leave(self)
    let upstream = self.upstream
    self.upstream = nil
    upstream?.cancel()
  }

  func go(_ way: Way, _ target: LeaderTarget) {
    self.target = target
    self.way = way
    let bound = NIOLoopBound(self, eventLoop: desk.loop)
    way.open(call.path, metadata: desk.metadata(of: call), options: desk.options(of: call)) { bound.value }
  }

  func giveUp(_ status: Status) { call.finish(status) }

  func started(call upstream: ClientCall) {
    guard call.isOpen else { return upstream.cancel() }
    self.upstream = upstream
    let words = cursor.map { Forwarding.events(request, after: $0) } ?? request
    upstream.send { $0.writeBytes(words) }
    upstream.halfClose()
  }

  func message(_ message: ByteBuffer, call upstream: ClientCall) {
    if let place = Forwarding.cursor(of: message.readableBytesUInt8Span), !place.isEmpty { cursor = place }
    call.send(message)
    if !call.isWritable { upstream.pauseReading() }
  }

  func ended(_ status: Status, trailers: Metadata, call upstream: ClientCall) {
    self.upstream = nil
    way?.closed()
    way = nil
    guard call.isOpen, let target else { return }
    switch desk.judge(status, upstream, target) {
    case .final: call.finish(status, trailers: trailers)
    case .untouched, .unknown: desk.seek(self)
    }
  }
}

import NIOCore
import RPC

/// A call with one request and one answer, handed on to the leader as bytes.
///
/// What the leader may have done is not asked for a second time, unless it does no harm: the caller is told UNAVAILABLE and knows
/// whether its call may be repeated.
final class UnaryRelay: Relay {
  let call: ServerCall
  let stays = false
  let desk: FrontDesk
  var onward = Onward()
  private let isRepeatable: Bool
  private var request = ByteBuffer()
  private var response: ByteBuffer?

  init(_ call: ServerCall, _ desk: FrontDesk, isRepeatable: Bool) {
    self.call = call
    self.desk = desk
    self.isRepeatable = isRepeatable
  }

  // MARK: From the caller

  func message(_ message: ByteBuffer, call: ServerCall) { request = ByteBuffer(buffer: message) }

  func halfClosed(call: ServerCall) { desk.seek(self) }

  // MARK: To the leader

  func started(call upstream: ClientCall) {
    guard call.isOpen else { return upstream.cancel() }
    onward.call = upstream
    upstream.send(request)
    upstream.halfClose()
  }

  func message(_ message: ByteBuffer, call upstream: ClientCall) { response = ByteBuffer(buffer: message) }

  func ended(_ status: Status, trailers: Metadata, call upstream: ClientCall) {
    guard let target = leaderEnded() else { return }
    if status.isOK, let response { return call.reply { $0.writeImmutableBuffer(response) } }
    switch desk.judge(status, upstream, target) {
    case .final: call.finish(status, trailers: trailers)
    case .untouched: desk.seek(self)
    case .unknown:
      if isRepeatable { desk.seek(self) } else { call.finish(.lostOnTheWay) }
    }
  }
}

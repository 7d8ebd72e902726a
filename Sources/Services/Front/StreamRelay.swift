import NIOCore
import RPC

/// A stream of requests each with one answer (EnqueueStream), handed on to the leader as bytes.
///
/// When the leader goes away while a request of it is not answered, nobody can say whether it was taken: the stream ends
/// UNAVAILABLE. Else it goes on with the next leader.
final class StreamRelay: Relay {
  let call: ServerCall
  let stays = false
  let desk: FrontDesk
  var onward = Onward()
  /// What came before there was a leader.
  private var early: [ByteBuffer] = []
  private var unanswered = 0
  private var isHalfClosed = false
  private var isPaused = false

  init(_ call: ServerCall, _ desk: FrontDesk) {
    self.call = call
    self.desk = desk
    desk.seek(self)
  }

  // MARK: From the caller

  func message(_ message: ByteBuffer, call: ServerCall) {
    guard let upstream else {
      early.append(ByteBuffer(buffer: message))
      return pause()
    }
    send(message, upstream)
  }

  private func send(_ message: ByteBuffer, _ upstream: ClientCall) {
    unanswered += 1
    upstream.send(message)
    if !upstream.isWritable { pause() }
  }

  private func pause() {
    isPaused = true
    call.pauseReading()
  }

  private func goOn() {
    guard isPaused else { return }
    isPaused = false
    call.resumeReading()
  }

  func halfClosed(call: ServerCall) {
    isHalfClosed = true
    if early.isEmpty { upstream?.halfClose() }
  }

  // MARK: To the leader

  func started(call upstream: ClientCall) {
    guard call.isOpen else { return upstream.cancel() }
    onward.call = upstream
    let waiting = early
    early = []
    for message in waiting { send(message, upstream) }
    if isHalfClosed { upstream.halfClose() }
    if upstream.isWritable { goOn() }
  }

  func message(_ message: ByteBuffer, call upstream: ClientCall) {
    unanswered -= 1
    call.send(message)
    if !call.isWritable { upstream.pauseReading() }
  }

  func writable(call upstream: ClientCall) { goOn() }

  func ended(_ status: Status, trailers: Metadata, call upstream: ClientCall) {
    guard let target = leaderEnded() else { return }
    switch desk.judge(status, upstream, target) {
    case .final: call.finish(status, trailers: trailers)
    case .untouched where unanswered == 0, .unknown where unanswered == 0:
      // The caller has all its answers and will say no more: it is done.
      if isHalfClosed { call.finish() } else { desk.seek(self) }
    case .untouched, .unknown: call.finish(.lostOnTheWay)
    }
  }
}

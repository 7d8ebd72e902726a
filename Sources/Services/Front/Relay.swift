import NIOCore
import RPC

/// A call that is handed on as bytes, by one call to the leader at a time. What is the same for all kinds is here.
protocol Relay: CallHandler, ClientCallHandler {
  var call: ServerCall { get }
  var desk: FrontDesk { get }
  /// A worker or a watcher: it waits for a leader as long as it takes, instead of being told that there is none.
  var stays: Bool { get }
  var onward: Onward { get set }
}

/// A relay's call to the leader, and how it goes there.
struct Onward {
  var call: ClientCall?
  var target: LeaderTarget?
  var way: Way?
}

extension Relay {
  var upstream: ClientCall? { onward.call }

  // MARK: From the caller

  func writable(call: ServerCall) { upstream?.resumeReading() }

  func ended(_ reason: CallEnd, call: ServerCall) {
    desk.leave(self)
    let upstream = upstream
    onward.call = nil
    upstream?.cancel()
  }

  // MARK: To the leader

  /// There is a leader: to be asked this way.
  func go(_ way: Way, _ target: LeaderTarget) {
    onward = Onward(call: upstream, target: target, way: way)
    let bound = NIOLoopBound<any ClientCallHandler>(self, eventLoop: desk.loop)
    way.open(call.path, metadata: desk.metadata(of: call), options: desk.options(of: call)) { bound.value }
  }

  /// There was none for too long.
  func giveUp(_ status: Status) { call.finish(status) }

  /// The leader's side has ended.
  /// - Returns: who led; nil: so has the caller's, and nobody is to be told.
  func leaderEnded() -> LeaderTarget? {
    onward.call = nil
    onward.way?.closed()
    onward.way = nil
    return call.isOpen ? onward.target : nil
  }

  /// As workers and watchers do it, who go on with the next leader.
  func ended(_ status: Status, trailers: Metadata, call upstream: ClientCall) {
    guard let target = leaderEnded() else { return }
    switch desk.judge(status, upstream, target) {
    case .final: call.finish(status, trailers: trailers)
    case .untouched, .unknown: desk.seek(self)
    }
  }
}

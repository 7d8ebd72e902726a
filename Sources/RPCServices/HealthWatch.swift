import NIOCore
import RPC

/// One Watch call. It tells the state that is current when the call can be written to, so a slow reader misses states in
/// between and never the last one.
final class HealthWatch: CallHandler {
  private let status: HealthStatus
  private var service = ""
  private var watcher: UInt64?
  private var told: Int32?

  init(_ status: HealthStatus) {
    self.status = status
  }

  func message(_ message: ByteBuffer, call: ServerCall) {
    switch HealthMessages.service(of: message) {
    case .failure(let failure):
      call.finish(failure)
    case .success(let service):
      self.service = service
      let eventLoop = call.eventLoop
      let bound = NIOLoopBound((watch: self, call: call), eventLoop: eventLoop)
      watcher = status.watch(service) {
        eventLoop.execute { bound.value.watch.tell(bound.value.call) }
      }
      tell(call)
    }
  }

  func writable(call: ServerCall) {
    tell(call)
  }

  func ended(_ reason: CallEnd, call: ServerCall) {
    if let watcher { status.unwatch(watcher) }
    watcher = nil
  }

  private func tell(_ call: ServerCall) {
    guard watcher != nil, call.isWritable else { return }
    let current = status[service]?.rawValue ?? HealthMessages.serviceUnknown
    guard current != told else { return }
    told = current
    call.send { $0.writeBytes(HealthMessages.response(current)) }
  }
}

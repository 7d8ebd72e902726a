import NIOCore
import RPC

/// Where a task finds the call that it made on the loop, to cancel it; also when it is cancelled before the call is made.
final class CallSlot: Sendable {
  private struct Content {
    var call: ClientCall?
    var isCancelled = false
  }

  private let content: NIOLoopBoundBox<Content>
  private let loop: any EventLoop

  init(_ loop: any EventLoop) {
    self.loop = loop
    content = .makeBoxSendingValue(Content(), eventLoop: loop)
  }

  /// On the loop.
  func fill(_ call: ClientCall) {
    content.value.call = call
    if content.value.isCancelled { call.cancel() }
  }

  /// On the loop.
  var call: ClientCall? { content.value.call }

  /// From anywhere.
  func cancel() {
    onLoop { slot in
      slot.content.value.isCancelled = true
      slot.content.value.call?.cancel()
    }
  }

  /// From anywhere; runs at once when on the loop already.
  func onLoop(_ body: @escaping @Sendable (CallSlot) -> Void) {
    if loop.inEventLoop { body(self) } else { loop.execute { body(self) } }
  }
}

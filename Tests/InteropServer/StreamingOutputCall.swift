import NIOCore
import RPC

/// Sends the responses asked for, each after its pause, and none while the call is not writable.
final class StreamingOutputCall: CallHandler {
  private var request = StreamingOutput()
  private var trailers = Metadata()
  private var next = 0
  private var isPausing = false

  func message(_ message: ByteBuffer, call: ServerCall) {
    let echo = MetadataEcho(call.metadata)
    call.setInitialMetadata(echo.initialMetadata)
    trailers = echo.trailers
    do throws(Status) {
      request = try TestMessages.streamingOutput(message)
      for response in request.responses { try response.check() }
    } catch {
      return call.finish(error, trailers: trailers)
    }
    advance(call, paused: false)
  }

  func writable(call: ServerCall) {
    advance(call, paused: false)
  }

  /// - Parameter paused: whether the next response's pause is over.
  private func advance(_ call: ServerCall, paused: Bool) {
    var paused = paused
    while next < request.responses.count {
      guard !isPausing, call.isWritable else { return }
      let response = request.responses[next]
      if response.pause > .zero, !paused { return pause(response.pause, call) }
      paused = false
      next += 1
      call.compressesMessages = response.compressed
      call.send { TestMessages.writePayload(response.size, to: &$0) }
    }
    call.finish(request.status ?? .ok, trailers: trailers)
  }

  private func pause(_ duration: Duration, _ call: ServerCall) {
    isPausing = true
    let bound = NIOLoopBound((handler: self, call: call), eventLoop: call.eventLoop)
    call.eventLoop.scheduleTask(in: TimeAmount(duration)) {
      bound.value.handler.isPausing = false
      bound.value.handler.advance(bound.value.call, paused: true)
    }
  }
}

import HTTP2
import NIOCore

/// Who moves the bytes of a client connection.
package protocol ClientConnectionDelegate: AnyObject {
  /// Output was added outside of `receive` and `produce`: call `produce` soon, but not from here.
  func outputAdded()
  /// The server's SETTINGS have come: calls may begin, or more of them at once than before.
  func settingsReceived()
  /// The server takes no more calls on this connection; the open ones go on.
  func goAwayReceived(_ error: HTTP2ErrorCode)
  /// A call found out that the server is gone: the connection is to be closed, with all its calls.
  func givenUp(_ reason: String)
  /// One call fewer.
  func callEnded()
}

/// The gRPC side of one client connection: turns calls into requests and the events of an HTTP/2 session into responses. No sockets,
/// no timers. Confined to its loop.
package final class ClientConnection {
  package let session: HTTP2Session
  package let context: LoopContext
  let configuration: ClientRPCConfiguration
  package weak var delegate: (any ClientConnectionDelegate)?

  /// By slot.
  var calls: [ClientCall?] = []
  package internal(set) var openCalls = 0
  var touched: [ClientCall] = []
  private var isBusy = false
  private var heads: [String: HTTP2HeaderList] = [:]
  private static let maxHeads = 128

  package init(
    configuration: ClientRPCConfiguration, context: LoopContext, now: NIODeadline
  ) throws(HTTP2SessionError) {
    self.configuration = configuration
    self.context = context
    session = try HTTP2Session(configuration: configuration.http2, scratch: context.scratch, now: now)
  }

  /// Whether another call may begin now.
  package var hasRoom: Bool {
    session.isReady && session.acceptsRequests && session.openStreams < session.peerMaxConcurrentStreams
  }

  /// Whether calls may begin now or later.
  package var acceptsCalls: Bool { session.acceptsRequests }

  // MARK: - Calls

  /// Opens a stream for the call. False when there can be none; the call is then as it was.
  package func start(_ call: ClientCall, now: NIODeadline) -> Bool {
    guard call.isOpen, hasRoom else { return false }
    var head = head(call.path)
    if let deadline = call.deadline {
      head.add("grpc-timeout", Timeout.format(max(deadline - now, .nanoseconds(1))), indexed: false)
    }
    if call.options.compress { head.add("grpc-encoding", "gzip") }
    if !call.metadata.isEmpty { head.add(call.metadata) }
    guard let slot = session.request(head, endStream: false) else { return false }
    while calls.count <= Int(slot) { calls.append(nil) }
    calls[Int(slot)] = call
    openCalls += 1
    call.attached(to: self, slot: slot)
    return true
  }

  /// What is the same in all calls of a method.
  private func head(_ path: String) -> HTTP2HeaderList {
    if let head = heads[path] { return head }
    var head = HTTP2HeaderList()
    head.add(":method", "POST")
    head.add(":scheme", configuration.scheme)
    head.add(":path", path)
    head.add(":authority", configuration.authority)
    head.add("te", "trailers")
    head.add("content-type", "application/grpc")
    head.add("user-agent", configuration.userAgent)
    head.add("grpc-accept-encoding", "identity,gzip")
    if heads.count < Self.maxHeads { heads[path] = head }
    return head
  }

  func callIsOver(_ call: ClientCall) {
    openCalls -= 1
    call.deframer.drop()
    if call.slot >= 0 {
      if call.owedWindow > 0 { session.consume(call.slot, connection: 0, stream: call.owedWindow) }
      calls[Int(call.slot)] = nil
      call.slot = -1
    }
    call.owedWindow = 0
    delegate?.callEnded()
  }

  // MARK: - Driving

  private static let slice = 16 * 1024

  /// Takes bytes from the peer; call `produce` afterwards. False once the session has failed.
  package func receive(_ bytes: ByteBuffer, now: NIODeadline) -> Bool {
    isBusy = true
    defer { isBusy = false }
    var position = 0
    let count = bytes.readableBytes
    var alive = true
    while position < count, alive {
      let length = min(Self.slice, count - position)
      context.scratch.reset()
      alive = session.receive(bytes, at: position, length: length, now: now)
      handleEvents(input: bytes)
      position += length
    }
    completeRound()
    return alive
  }

  /// Appends to `out` what is to be sent, until about `limit` bytes are in it.
  package func produce(into out: inout ByteBuffer, limit: Int, now: NIODeadline) {
    isBusy = true
    defer { isBusy = false }
    repeat {
      context.scratch.reset()
      session.produce(into: &out, limit: limit, now: now)
      handleEvents(input: ByteBuffer())
    } while out.readableBytes < limit && session.wantsWrite
    completeRound()
  }

  /// Tells the handlers that were given messages that there are no more for now.
  func completeRound() {
    while !touched.isEmpty {
      var round: [ClientCall] = []
      swap(&round, &touched)
      for call in round {
        call.state.remove(.touched)
        if call.isOpen { call.handler?.readComplete(call: call) }
      }
    }
  }

  /// The connection is gone.
  package func connectionLost(_ reason: String) {
    for call in calls {
      guard let call else { continue }
      // What the server said before it went still counts.
      if call.end != nil { continue }
      call.state.insert(.lost)
      call.over(Status(.unavailable, reason), Metadata())
    }
  }

  func outputAdded() {
    if !isBusy { delegate?.outputAdded() }
  }

  func markTouched(_ call: ClientCall) {
    guard !call.state.contains(.touched) else { return }
    call.state.insert(.touched)
    touched.append(call)
  }
}

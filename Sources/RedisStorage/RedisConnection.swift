/// One connection: commands out, replies in. Used by one thread at a time.
///
/// @unchecked Sendable: it is made on one thread and handed, under a lock, to the one that uses it from then on.
final class RedisConnection: @unchecked Sendable {
  private let transport: any RedisTransport
  private let parser: ReplyParser
  private var buffer = [UInt8](repeating: 0, count: 64 << 10)
  /// How many replies are yet to come.
  private(set) var unanswered = 0

  init(_ transport: any RedisTransport, maxBytes: Int, maxValues: Int) throws(RedisFailure) {
    guard let parser = ReplyParser(maxBytes: maxBytes, maxValues: maxValues) else {
      throw .connection("no memory for a connection")
    }
    self.transport = transport
    self.parser = parser
  }

  deinit { transport.close() }

  /// - Parameter more: the command's last arguments.
  func send(
    _ command: RedisCommand, _ more: RedisCommand = RedisCommand(), until deadline: ContinuousClock.Instant
  ) throws(RedisFailure) {
    try command.withFormatted(more) { (bytes) throws(RedisFailure) in
      do throws(RedisTransportError) {
        try transport.send(bytes, until: deadline)
      } catch {
        throw Self.failure(error)
      }
    }
    unanswered += 1
  }

  /// The next reply, an error reply as it is.
  func receive(until deadline: ContinuousClock.Instant) throws(RedisFailure) -> RedisReply {
    while true {
      if let reply = try parser.next() {
        unanswered -= 1
        return reply
      }
      let count: Int
      do {
        count = try transport.receive(into: &buffer, until: deadline)
      } catch {
        throw Self.failure(error)
      }
      if count == 0 { throw .connection("the connection was closed") }
      try parser.feed(buffer, count: count)
    }
  }

  /// Sends and waits. An error reply throws.
  func ask(_ command: RedisCommand, until deadline: ContinuousClock.Instant) throws(RedisFailure) -> RedisReply {
    try send(command, until: deadline)
    let reply = try receive(until: deadline)
    if let text = reply.errorText { throw .refused(text) }
    return reply
  }

  private static func failure(_ error: RedisTransportError) -> RedisFailure {
    switch error {
    case .timeout: .connection("no answer in time")
    case .failed(let text): .connection(text)
    }
  }
}

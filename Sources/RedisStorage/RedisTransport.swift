/// What a connection is made to.
public enum RedisTarget: Hashable, Sendable {
  case tcp(RedisEndpoint)
  case unix(path: String)
}

/// Bytes to and from one Redis. Blocking; used by one thread at a time.
public protocol RedisTransport: AnyObject, Sendable {
  /// Sends all bytes, or throws.
  func send(_ bytes: RawSpan, until deadline: ContinuousClock.Instant) throws(RedisTransportError)

  /// Fills the beginning of `buffer`, whose size it does not change, and returns how many bytes have come: at least one, or
  /// none when the other side has closed.
  func receive(into buffer: inout [UInt8], until deadline: ContinuousClock.Instant) throws(RedisTransportError) -> Int

  /// Ends the use of it.
  func close()
}

public enum RedisTransportError: Error, Sendable {
  /// The deadline passed. The connection's state is still known when nothing was sent.
  case timeout
  /// For people.
  case failed(String)
}

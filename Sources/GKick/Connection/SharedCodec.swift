import NIOConcurrencyHelpers
import NIOCore
import Wire

/// One codec for tasks of any thread: each use takes microseconds.
final class SharedCodec: @unchecked Sendable {
  // Why `@unchecked Sendable` is right: the codec is used under the lock only, and never leaves it.
  private let codec = Codec()
  private let lock = NIOLock()

  func encode(_ encode: (Codec) -> Int) -> ByteBuffer {
    lock.withLock { codec.message(encode) }
  }

  func decode<Value>(
    _ message: ByteBuffer, _ decode: (Codec, RawSpan) throws(WireError) -> Value
  ) throws(WireError) -> Value {
    lock.lock()
    defer { lock.unlock() }
    return try decode(codec, message.readableBytesSpan)
  }
}

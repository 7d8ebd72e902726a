import NIOCore
import Wire

extension Codec {
  /// Encodes one message into a new buffer.
  func message(_ encode: (Codec) -> Int) -> ByteBuffer {
    let size = encode(self)
    var buffer = ByteBufferAllocator().buffer(capacity: size)
    write(size, into: &buffer)
    return buffer
  }

  /// Appends the message that was encoded last, of this size.
  func write(_ size: Int, into buffer: inout ByteBuffer) {
    // `pack` writes exactly the size that its `encode…` gave, for which there is room.
    _ = unsafe buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: size) { unsafe pack(into: $0) }
  }
}

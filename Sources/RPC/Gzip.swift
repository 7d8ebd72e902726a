import CZlib
package import NIOCore

/// gzip of single messages (RFC 1952), one fresh stream each. Shared by the calls of one loop: zlib's state is made when first needed.
@safe package final class Gzip {
  package enum InflateError: Error {
    case broken
    case tooLarge
  }

  // Both are allocated once and freed in `deinit`; zlib keeps a pointer back to them, so they must not move.
  private var inflater: UnsafeMutablePointer<z_stream>?
  private var deflater: UnsafeMutablePointer<z_stream>?

  package init() {}

  deinit {
    if let stream = unsafe inflater {
      unsafe inflateEnd(stream)
      unsafe stream.deallocate()
    }
    if let stream = unsafe deflater {
      unsafe deflateEnd(stream)
      unsafe stream.deallocate()
    }
  }

  private static let chunk = 16 * 1024
  /// 15 bits of window, plus 16 for a gzip wrapper (zlib.h).
  private static let windowBits: Int32 = 15 + 16

  /// Inflates one whole message, which must be exactly one gzip member, to at most `limit` bytes. Memory grows with what comes out.
  package func inflate(_ input: ByteBuffer, limit: Int) throws(InflateError) -> ByteBuffer {
    guard let stream = unsafe readyInflater() else { throw .broken }
    var output = ByteBufferAllocator().buffer(capacity: min(limit, max(256, input.readableBytes * 2)))
    var result = Z_OK
    var tooLarge = false
    unsafe input.withUnsafeReadableBytes { source in
      // zlib only reads the input; both pointers are used inside these closures only.
      unsafe stream.pointee.next_in = UnsafeMutablePointer(
        mutating: source.baseAddress?.assumingMemoryBound(to: UInt8.self))
      unsafe stream.pointee.avail_in = UInt32(source.count)
      while result == Z_OK {
        if output.readableBytes > limit {
          tooLarge = true
          break
        }
        unsafe output.writeWithUnsafeMutableBytes(minimumWritableBytes: Self.chunk) { target in
          let room = min(target.count, Self.chunk)
          unsafe stream.pointee.next_out = target.baseAddress?.assumingMemoryBound(to: UInt8.self)
          unsafe stream.pointee.avail_out = UInt32(room)
          result = unsafe CZlib.inflate(stream, Z_NO_FLUSH)
          return room - Int(unsafe stream.pointee.avail_out)
        }
      }
      if result == Z_STREAM_END, unsafe stream.pointee.avail_in != 0 { result = Z_DATA_ERROR }
      unsafe stream.pointee.next_in = nil
      unsafe stream.pointee.next_out = nil
    }
    if tooLarge || output.readableBytes > limit { throw .tooLarge }
    guard result == Z_STREAM_END else { throw .broken }
    return output
  }

  /// Appends `input`, compressed, to `output`. False when zlib has no memory; `output` is then unchanged.
  package func deflate(_ input: ByteBuffer, into output: inout ByteBuffer) -> Bool {
    guard let stream = unsafe readyDeflater() else { return false }
    let bound = Int(unsafe deflateBound(stream, UInt(input.readableBytes)))
    let start = output.writerIndex
    var result = Z_OK
    unsafe input.withUnsafeReadableBytes { source in
      _ = unsafe output.writeWithUnsafeMutableBytes(minimumWritableBytes: bound) { target in
        // zlib only reads the input; the output has room for the whole result, by `deflateBound`.
        unsafe stream.pointee.next_in = UnsafeMutablePointer(
          mutating: source.baseAddress?.assumingMemoryBound(to: UInt8.self))
        unsafe stream.pointee.avail_in = UInt32(source.count)
        unsafe stream.pointee.next_out = target.baseAddress?.assumingMemoryBound(to: UInt8.self)
        unsafe stream.pointee.avail_out = UInt32(target.count)
        result = unsafe CZlib.deflate(stream, Z_FINISH)
        let written = target.count - Int(unsafe stream.pointee.avail_out)
        unsafe stream.pointee.next_in = nil
        unsafe stream.pointee.next_out = nil
        return written
      }
    }
    if result != Z_STREAM_END { output.moveWriterIndex(to: start) }
    return result == Z_STREAM_END
  }

  private func readyInflater() -> UnsafeMutablePointer<z_stream>? {
    if let stream = unsafe inflater {
      return unsafe inflateReset(stream) == Z_OK ? stream : nil
    }
    let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
    unsafe stream.initialize(to: z_stream())
    let size = unsafe Int32(MemoryLayout<z_stream>.size)
    guard unsafe inflateInit2_(stream, Self.windowBits, ZLIB_VERSION, size) == Z_OK else {
      unsafe stream.deallocate()
      return nil
    }
    unsafe inflater = stream
    return unsafe stream
  }

  private func readyDeflater() -> UnsafeMutablePointer<z_stream>? {
    if let stream = unsafe deflater {
      return unsafe deflateReset(stream) == Z_OK ? stream : nil
    }
    let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
    unsafe stream.initialize(to: z_stream())
    let size = unsafe Int32(MemoryLayout<z_stream>.size)
    let made = unsafe deflateInit2_(
      stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, Self.windowBits, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION, size)
    guard made == Z_OK else {
      unsafe stream.deallocate()
      return nil
    }
    unsafe deflater = stream
    return unsafe stream
  }
}

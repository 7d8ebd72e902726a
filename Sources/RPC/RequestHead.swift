import Glibc
import HTTP2
import NIOCore

/// What gRPC wants to know of a request's header block, found in one pass without making strings.
struct RequestHead {
  enum ContentType { case missing, grpc, other }
  enum Encoding { case identity, gzip, unknown }
  enum TimeLimit {
    case none
    case after(TimeAmount)
    case malformed
  }

  var isPost = false
  var isHead = false
  var contentType = ContentType.missing
  var timeLimit = TimeLimit.none
  var encoding = Encoding.identity
  var acceptsGzip = false
  /// Another server hands a call on: see `ServerCall.isForwarded`.
  var isForwarded = false
  /// Where the path lies in the block.
  var pathStart = 0
  var pathLength = 0

  init(_ block: ByteBuffer) {
    unsafe block.withUnsafeReadableBytes { bytes in
      var position = 0
      let prefix = HTTP2HeaderFields.prefixLength
      // The block was written by the session, but its lengths are checked all the same.
      while position + prefix <= bytes.count {
        let nameLength = Int(unsafe bytes.loadUnaligned(fromByteOffset: position, as: UInt16.self))
        let valueLength = Int(unsafe bytes.loadUnaligned(fromByteOffset: position + 2, as: UInt32.self))
        let nameStart = position + prefix
        let valueStart = nameStart + nameLength
        guard valueStart + valueLength <= bytes.count else { return }
        unsafe field(
          UnsafeRawBufferPointer(rebasing: bytes[nameStart..<valueStart]),
          UnsafeRawBufferPointer(rebasing: bytes[valueStart..<valueStart + valueLength]), valueStart: valueStart)
        position = valueStart + valueLength
      }
    }
  }

  private mutating func field(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer, valueStart: Int) {
    switch name.count {
    case 5 where unsafe name.equals(":path"):
      pathStart = valueStart
      pathLength = value.count
    case 7 where unsafe name.equals(":method"):
      isPost = unsafe value.equals("POST")
      isHead = unsafe value.equals("HEAD")
    case 11 where unsafe name.equals("gkick-front"):
      isForwarded = true
    case 12 where unsafe name.equals("content-type"):
      contentType = unsafe Self.isGRPC(value) ? .grpc : .other
    case 12 where unsafe name.equals("grpc-timeout"):
      if let timeout = unsafe Timeout.parse(value) {
        timeLimit = .after(timeout)
      } else {
        timeLimit = .malformed
      }
    case 13 where unsafe name.equals("grpc-encoding"):
      encoding = unsafe value.equals("gzip") ? .gzip : value.equals("identity") || value.isEmpty ? .identity : .unknown
    case 20 where unsafe name.equals("grpc-accept-encoding"):
      acceptsGzip = unsafe Self.lists(value, "gzip")
    default: break
    }
  }

  /// `application/grpc`, alone or followed by `+` or `;`.
  private static func isGRPC(_ value: UnsafeRawBufferPointer) -> Bool {
    let base: StaticString = "application/grpc"
    let length = base.utf8CodeUnitCount
    guard value.count >= length, unsafe UnsafeRawBufferPointer(rebasing: value[..<length]).equals(base) else {
      return false
    }
    if value.count == length { return true }
    let next = unsafe value[length]
    return next == UInt8(ascii: "+") || next == UInt8(ascii: ";") || next == UInt8(ascii: " ")
  }

  /// Whether a comma-separated list has this element.
  private static func lists(_ value: UnsafeRawBufferPointer, _ wanted: StaticString) -> Bool {
    var start = 0
    for position in 0...value.count {
      guard unsafe position == value.count || value[position] == UInt8(ascii: ",") else { continue }
      var from = start
      var to = position
      while from < to, unsafe value[from] == UInt8(ascii: " ") { from += 1 }
      while from < to, unsafe value[to - 1] == UInt8(ascii: " ") { to -= 1 }
      if unsafe UnsafeRawBufferPointer(rebasing: value[from..<to]).equals(wanted) { return true }
      start = position + 1
    }
    return false
  }
}

extension UnsafeRawBufferPointer {
  func equals(_ text: StaticString) -> Bool {
    guard count == text.utf8CodeUnitCount else { return false }
    guard let base = baseAddress else { return true }
    // Both have `count` bytes.
    return unsafe memcmp(base, text.utf8Start, count) == 0
  }
}

import NIOCore

/// Cuts the bytes of one direction of a call into messages: a flag byte, a big-endian length of four bytes, the message.
///
/// Bytes come in as slices of any size. A message that lies whole in one slice is handed out as a part of it, without a copy.
struct MessageDeframer {
  enum Result {
    /// More bytes are needed.
    case more
    case message(ByteBuffer, compressed: Bool)
    case failed(Status)
  }

  static let prefixLength = 5

  /// What is held; nil: nothing.
  private var pending: ByteBuffer?
  private let maxMessage: Int

  init(maxMessage: Int) {
    self.maxMessage = maxMessage
  }

  /// Bytes that are held because they are no whole message yet, or were not asked for.
  var buffered: Int { pending?.readableBytes ?? 0 }

  /// Nothing of a message has arrived without its end.
  var isEmpty: Bool { pending == nil }

  /// The next message out of `input`, or of what was left earlier. Call again until it says `more`; it has then taken all of `input`.
  mutating func next(_ input: inout ByteBuffer) -> Result {
    if pending == nil {
      let result = Self.cut(&input, maxMessage: maxMessage)
      if case .more = result { hold(&input) }
      return result
    }
    hold(&input)
    guard var held = pending.take() else { return .more }
    let result = Self.cut(&held, maxMessage: maxMessage)
    if held.readableBytes > 0 { pending = held }
    return result
  }

  /// Takes the bytes without looking for messages.
  mutating func hold(_ input: inout ByteBuffer) {
    guard input.readableBytes > 0 else { return }
    var held = pending.take() ?? ByteBuffer()
    if held.readerIndex > 64 * 1024, held.readerIndex > held.readableBytes { held.discardReadBytes() }
    held.writeBuffer(&input)
    pending = held
  }

  mutating func drop() {
    pending = nil
  }

  private static func cut(_ bytes: inout ByteBuffer, maxMessage: Int) -> Result {
    guard bytes.readableBytes >= 1, let flag = bytes.getInteger(at: bytes.readerIndex, as: UInt8.self) else {
      return .more
    }
    guard flag <= 1 else { return .failed(Status(.internal, "message flag \(flag) is not known")) }
    guard let length = bytes.getInteger(at: bytes.readerIndex + 1, as: UInt32.self),
      bytes.readableBytes >= prefixLength
    else { return .more }
    // The prefix alone decides: nothing is held for a message that will be refused.
    guard Int(length) <= maxMessage else {
      return .failed(Status(.resourceExhausted, "message of \(length) bytes is over the limit of \(maxMessage)"))
    }
    guard bytes.readableBytes >= prefixLength + Int(length) else { return .more }
    bytes.moveReaderIndex(forwardBy: prefixLength)
    guard let message = bytes.readSlice(length: Int(length)) else { return .more }
    return .message(message, compressed: flag == 1)
  }
}

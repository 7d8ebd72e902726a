import CProtobufC

/// One message that protobuf-c has decoded, checked before (`MessageCheck`) and freed at the end. `Message` is the
/// generated C struct; its pointers are good only inside `read`.
@safe public struct DecodedMessage<Message>: ~Copyable {
  public enum Failure: Error, Equatable {
    case refused(MessageCheck.Failure)
    /// protobuf-c could not decode it: a wire type that does not fit its field, or no memory.
    case undecodable
  }

  private let message: UnsafeMutablePointer<Message>

  /// - Parameters:
  ///   - initialize: the generated `..._init` function of `Message`.
  ///   - maximumFields: fields accepted, those of submessages included; about 100 bytes of memory each.
  public init(
    _ bytes: Span<UInt8>, _ initialize: (UnsafeMutablePointer<Message>?) -> Void, maximumFields: Int = 10_000
  ) throws(Failure) {
    let descriptor = unsafe Self.descriptor(initialize)
    do {
      var check = MessageCheck(maximumFields: maximumFields)
      unsafe try check.check(bytes, against: descriptor)
    } catch {
      throw .refused(error)
    }
    // protobuf-c reads `count` bytes and copies what it keeps. An empty message has no base address, and needs none.
    let decoded = unsafe bytes.withUnsafeBufferPointer { buffer in
      unsafe protobuf_c_message_unpack(descriptor, nil, buffer.count, buffer.baseAddress)
    }
    guard let decoded = unsafe decoded else { throw .undecodable }
    // The descriptor is that of `Message`: the decoder allocated `sizeof(Message)` and filled it as one.
    unsafe message = UnsafeMutableRawPointer(decoded).assumingMemoryBound(to: Message.self)
  }

  /// The generated code hands out its descriptor's address only in an initialized message.
  private static func descriptor(
    _ initialize: (UnsafeMutablePointer<Message>?) -> Void
  ) -> UnsafePointer<ProtobufCMessageDescriptor> {
    unsafe withUnsafeTemporaryAllocation(of: Message.self, capacity: 1) { memory in
      // The function writes the whole struct, which begins with its ProtobufCMessage; the descriptor is a constant.
      unsafe initialize(memory.baseAddress)
      return unsafe UnsafeRawPointer(memory.baseAddress!).assumingMemoryBound(to: ProtobufCMessage.self)
        .pointee.descriptor
    }
  }

  deinit {
    // Every generated message begins with its ProtobufCMessage; it came from the default allocator (nil) above.
    unsafe protobuf_c_message_free_unpacked(
      UnsafeMutableRawPointer(message).assumingMemoryBound(to: ProtobufCMessage.self), nil)
  }

  /// Calls `body` with the message. It may be put into a message that is encoded inside `body`, and not kept.
  public borrowing func read<Result, Failure: Error>(
    _ body: (UnsafeMutablePointer<Message>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    unsafe try body(message)
  }
}

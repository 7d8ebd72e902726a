import CProtobufC
import GKickProtos
public import Jobs
import Protobuf

/// Turns protobuf messages into values and back, in memory that it keeps for the next message: by protobuf-c, but for what is said most
/// often, which is written field by field (Docs/decisions/020).
///
/// One per thread or event loop; not Sendable. Decoding checks everything that the contract bounds and copies out at once.
/// Encoding is in two steps, so that the bytes go straight to their place: an `encode...` function gives the size of the message,
/// then `pack` writes it.
@safe public final class Codec {
  public let bounds: Bounds
  /// For recurring jobs.
  public let zones: any TimeZoneSource
  let arena = Arena()
  /// The message that an `encode...` function built, until it is packed or another message is begun. It lies in the arena; nil: it is what
  /// `writer` wrote.
  private var pending: UnsafePointer<ProtobufCMessage>?
  private var pendingSize = 0
  private var writer = WireWriter()

  public init(bounds: Bounds = Bounds(), zones: any TimeZoneSource = UTCOnly()) {
    self.bounds = bounds
    self.zones = zones
  }

  /// Decodes a message. What it points to is good until the next message.
  func open<View: DecodedView>(_ bytes: RawSpan, as type: View.Type) throws(WireError) -> View {
    begin(limit: 2 << 20 + 8 * bytes.byteCount)
    // The bytes are read during the call only; an empty message has no address and needs none.
    let message = unsafe bytes.withUnsafeBytes {
      unsafe View(decoding: $0.assumingMemoryBound(to: UInt8.self), in: arena)
    }
    guard let message else {
      throw arena.isExhausted
        ? WireError("", "too many fields for a message of \(bytes.byteCount) bytes")
        : WireError("", "not a valid message")
    }
    return message
  }

  /// Forgets the last message.
  func begin(limit: Int = .max) {
    arena.reset(limit: limit)
    unsafe pending = nil
  }

  /// Names the message to be packed; returns its size in bytes.
  func finish(_ message: some ProtoView) -> Int {
    // Every generated struct begins with its ProtobufCMessage.
    let message = unsafe UnsafeRawPointer(message.raw).assumingMemoryBound(to: ProtobufCMessage.self)
    unsafe pending = message
    pendingSize = unsafe protobuf_c_message_get_packed_size(message)
    return pendingSize
  }

  /// A message that is written field by field; returns its size in bytes.
  func write(_ fields: (inout WireWriter) -> Void) -> Int {
    unsafe pending = nil
    writer.begin()
    fields(&writer)
    pendingSize = writer.count
    return pendingSize
  }

  /// Writes the message that was encoded last; returns its size, which is what its `encode...` function returned.
  /// To be called at most once, before anything else is asked of this codec.
  public func pack(into bytes: UnsafeMutableRawBufferPointer) -> Int {
    guard pendingSize > 0, let address = bytes.baseAddress else { return 0 }
    precondition(bytes.count >= pendingSize)
    guard let message = unsafe pending else {
      unsafe writer.copy(to: bytes)
      return pendingSize
    }
    unsafe pending = nil
    // The message is in the arena, untouched since its size was taken; there is room for that size.
    return unsafe protobuf_c_message_pack(message, address.assumingMemoryBound(to: UInt8.self))
  }

  /// The same into an array, for callers who are in no hurry.
  public func packed() -> [UInt8] {
    // Fills exactly what it says.
    unsafe [UInt8](unsafeUninitializedCapacity: pendingSize) { buffer, count in
      count = unsafe pack(into: UnsafeMutableRawBufferPointer(buffer))
    }
  }
}

extension Codec {
  /// Whether protobuf-c decodes texts as `Arena` takes them to be (Docs/decisions/152). To be asked once, at the start.
  public static var fitsLibrary: Bool {
    let codec = Codec()
    // A GetJobRequest: job_id "ab", a text that is nearly as long as its room, and an empty one.
    for length in [2, 7, 0] {
      let bytes: [UInt8] = [10, UInt8(length)] + Array(repeating: 97, count: length)
      guard
        let message = unsafe try? codec.open(bytes.span.bytes, as: Proto.GetJobRequest.self),
        unsafe codec.utf8(message.jobID).count == length
      else { return false }
    }
    return true
  }
}

/// protobuf-c's shared empty string, which a fresh message's string fields point to.
func protobufEmptyString() -> UnsafeMutablePointer<CChar> {
  unsafe withUnsafeTemporaryAllocation(of: Gkick__V1__GetJobRequest.self, capacity: 1) { memory in
    // The function fills the struct; a string field is never nil after it.
    unsafe gkick__v1__get_job_request__init(memory.baseAddress)
    return unsafe memory[0].job_id
  }
}

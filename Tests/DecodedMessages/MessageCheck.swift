public import CProtobufC
public import Protobuf

/// What protobuf-c does not look at before it decodes: strings that are not UTF-8 or hold a NUL (they would be cut short
/// in a `char *`), and how many objects the bytes would become (200 KB of empty submessages unpack to 20 MB).
@safe public struct MessageCheck {
  public enum Failure: Error, Equatable {
    case malformed(WireReader.Malformed)
    case stringNotUTF8
    case stringWithNUL
    case tooManyFields
    case tooDeep
  }

  /// Fields that one message may hold, those of its submessages included.
  private var fieldsLeft: Int

  public init(maximumFields: Int) {
    fieldsLeft = maximumFields
  }

  /// How deep messages may be nested. No message of ours is recursive, so only a lie gets deeper.
  private static let maximumDepth = 16

  /// Throws if a message of the described type must not be decoded from `bytes`.
  public mutating func check(
    _ bytes: Span<UInt8>, against descriptor: UnsafePointer<ProtobufCMessageDescriptor>
  ) throws(Failure) {
    unsafe try check(bytes, descriptor, depth: 0)
  }

  private mutating func check(
    _ bytes: Span<UInt8>, _ descriptor: UnsafePointer<ProtobufCMessageDescriptor>, depth: Int
  ) throws(Failure) {
    guard depth < Self.maximumDepth else { throw .tooDeep }
    var reader = WireReader()
    while let field = try Self.next(&reader, bytes) {
      fieldsLeft -= 1
      guard fieldsLeft >= 0 else { throw .tooManyFields }
      guard case .bytes(let range) = field.value else { continue }
      let content = bytes.extracting(range)
      switch unsafe Self.kind(of: field.number, in: descriptor) {
      case .string:
        try Self.checkString(content)
      case .message(let nested):
        unsafe try check(content, nested, depth: depth + 1)
      case .packed:
        fieldsLeft -= content.count
        guard fieldsLeft >= 0 else { throw .tooManyFields }
      case .other:
        break
      }
    }
  }

  private static func next(
    _ reader: inout WireReader, _ bytes: Span<UInt8>
  ) throws(Failure) -> (number: Int, value: WireReader.Value)? {
    do {
      return try reader.next(in: bytes)
    } catch {
      throw .malformed(error)
    }
  }

  private static func checkString(_ content: Span<UInt8>) throws(Failure) {
    for index in content.indices where content[index] == 0 { throw .stringWithNUL }
    do {
      _ = try UTF8Span(validating: content)
    } catch {
      throw .stringNotUTF8
    }
  }

  @unsafe private enum Kind {
    case string
    case message(UnsafePointer<ProtobufCMessageDescriptor>)
    /// Numbers in one length-delimited field: at most one per byte.
    case packed
    case other
  }

  private static func kind(of number: Int, in descriptor: UnsafePointer<ProtobufCMessageDescriptor>) -> Kind {
    // The descriptor is a constant of the generated code: its `n_fields` fields are there for the whole run.
    let fields = unsafe UnsafeBufferPointer(start: descriptor.pointee.fields, count: Int(descriptor.pointee.n_fields))
    for index in fields.indices {
      let field = unsafe fields[index]
      guard unsafe field.id == UInt32(number) else { continue }
      switch unsafe field.type {
      case PROTOBUF_C_TYPE_STRING:
        return unsafe .string
      case PROTOBUF_C_TYPE_BYTES:
        return unsafe .other
      case PROTOBUF_C_TYPE_MESSAGE:
        // For a message field, `descriptor` is that message's descriptor (protobuf-c.h).
        guard let nested = unsafe field.descriptor else { return unsafe .other }
        return unsafe .message(nested.assumingMemoryBound(to: ProtobufCMessageDescriptor.self))
      default:
        return unsafe .packed
      }
    }
    return unsafe .other
  }
}

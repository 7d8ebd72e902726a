import NIOCore

/// Reads the fields of a received header block. In the arena a field is: name length (2 bytes), value length (4 bytes), name, value,
/// lengths in host order.
public struct HTTP2HeaderFields: Sequence {
  /// One field, as ranges of bytes relative to the block's buffer.
  public struct Field: Sendable {
    public var nameStart: Int
    public var nameLength: Int
    public var valueStart: Int
    public var valueLength: Int
  }

  package static let prefixLength = 6

  @usableFromInline let bytes: ByteBuffer

  /// `bytes`: exactly one block, as cut out of the arena.
  @inlinable
  public init(_ bytes: ByteBuffer) { self.bytes = bytes }

  public func makeIterator() -> Iterator { Iterator(bytes: bytes, position: bytes.readerIndex) }

  public struct Iterator: IteratorProtocol {
    let bytes: ByteBuffer
    var position: Int

    public mutating func next() -> Field? {
      guard
        let nameLength = bytes.getInteger(at: position, endianness: .host, as: UInt16.self),
        let valueLength = bytes.getInteger(at: position + 2, endianness: .host, as: UInt32.self)
      else { return nil }
      let nameStart = position + HTTP2HeaderFields.prefixLength
      let valueStart = nameStart + Int(nameLength)
      position = valueStart + Int(valueLength)
      return Field(
        nameStart: nameStart, nameLength: Int(nameLength), valueStart: valueStart, valueLength: Int(valueLength))
    }
  }

  public func name(_ field: Field) -> String {
    bytes.getString(at: field.nameStart, length: field.nameLength) ?? ""
  }

  /// The value as text; bytes that are no UTF-8 become U+FFFD.
  public func value(_ field: Field) -> String {
    bytes.getString(at: field.valueStart, length: field.valueLength) ?? ""
  }
}

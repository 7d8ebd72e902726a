/// A reply: all its values in the order in which they came, an array before its elements; all strings one after the other.
/// Read from the front.
struct RedisReply {
  enum Value: Equatable {
    case null
    case integer(Int64)
    /// Where in `bytes`.
    case string(Range<Int>)
    case status(Range<Int>)
    case error(Range<Int>)
    /// How many elements follow.
    case array(Int)
  }

  private(set) var values: [Value] = []
  private(set) var bytes: [UInt8] = []
  private var position = 0

  mutating func append(_ value: Value) { values.append(value) }

  mutating func append(contentsOf buffer: UnsafeRawBufferPointer) -> Range<Int> {
    let start = bytes.count
    // Copied at once.
    unsafe bytes.append(contentsOf: buffer)
    return start..<bytes.count
  }

  func text(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }

  /// The text of an error reply.
  var errorText: String? {
    guard case .error(let range) = values.first else { return nil }
    return text(range)
  }

  var isAtEnd: Bool { position >= values.count }

  // MARK: Reading. A value of another kind than asked for is a broken promise of the other side.

  mutating func next() throws(RedisFailure) -> Value {
    guard position < values.count else { throw .protocolError("the reply is too short") }
    position += 1
    return values[position - 1]
  }

  mutating func array() throws(RedisFailure) -> Int {
    guard case .array(let count) = try next() else { throw .protocolError("an array was expected") }
    return count
  }

  mutating func integer() throws(RedisFailure) -> Int64 {
    switch try next() {
    case .integer(let value): return value
    case .string(let range):
      if let value = Int64(text(range)) { return value }
      throw .protocolError("an integer was expected")
    default: throw .protocolError("an integer was expected")
    }
  }

  mutating func range() throws(RedisFailure) -> Range<Int> {
    switch try next() {
    case .string(let range), .status(let range): return range
    default: throw .protocolError("a string was expected")
    }
  }

  mutating func string() throws(RedisFailure) -> String { text(try range()) }

  /// A string as a reader of its bytes.
  mutating func packed() throws(RedisFailure) -> PackedReader { PackedReader(bytes, try range()) }

  /// The same; nil: there is no value.
  mutating func optionalPacked() throws(RedisFailure) -> PackedReader? {
    switch try next() {
    case .null: return nil
    case .string(let range): return PackedReader(bytes, range)
    default: throw .protocolError("a string was expected")
    }
  }

  /// A string; nil: there is no value.
  mutating func optionalString() throws(RedisFailure) -> String? {
    switch try next() {
    case .null: return nil
    case .string(let range): return text(range)
    default: throw .protocolError("a string was expected")
    }
  }
}

import Jobs

/// Big-endian numbers and texts with their length before them, as the stored values have them.
extension [UInt8] {
  mutating func put(_ value: UInt8) { append(value) }

  mutating func put(_ value: UInt16) { putBytes(value.bigEndian) }
  mutating func put(_ value: UInt32) { putBytes(value.bigEndian) }
  mutating func put(_ value: UInt64) { putBytes(value.bigEndian) }

  @inline(__always)
  private mutating func putBytes<T: FixedWidthInteger>(_ value: T) {
    // The value's own bytes, used during the call only.
    unsafe Swift.withUnsafeBytes(of: value) { unsafe append(contentsOf: $0) }
  }

  mutating func put(_ value: Int64) { put(UInt64(bitPattern: value)) }
  mutating func put(_ value: Double) { put(value.bitPattern) }
  mutating func put(_ value: Interval) { put(value.microseconds) }
  mutating func put(_ value: Timestamp) { put(value.microseconds) }

  /// At most 65,535 bytes: what is longer is cut (nothing that was validated is).
  mutating func put16(_ text: String) {
    let utf8 = text.utf8
    guard let count = UInt16(exactly: utf8.count) else {
      put(UInt16.max)
      append(contentsOf: utf8.prefix(Int(UInt16.max)))
      return
    }
    put(count)
    append(contentsOf: utf8)
  }

  mutating func put32(_ text: String) {
    let utf8 = text.utf8
    put(UInt32(truncatingIfNeeded: utf8.count))
    append(contentsOf: utf8)
  }
}

/// Reads what the above wrote. What ends too soon throws.
struct PackedReader {
  private let bytes: [UInt8]
  private var position: Int
  private let end: Int

  init(_ bytes: [UInt8], _ range: Range<Int>) {
    self.bytes = bytes
    position = range.lowerBound
    end = range.upperBound
  }

  var isEmpty: Bool { position == end }
  var count: Int { end - position }

  private mutating func take(_ count: Int) throws(RedisFailure) -> Range<Int> {
    guard count >= 0, end - position >= count else { throw .protocolError("a stored value is cut off") }
    defer { position += count }
    return position..<position + count
  }

  private mutating func number(_ count: Int) throws(RedisFailure) -> UInt64 {
    var value: UInt64 = 0
    for index in try take(count) { value = value << 8 | UInt64(bytes[index]) }
    return value
  }

  mutating func uint8() throws(RedisFailure) -> UInt8 { UInt8(truncatingIfNeeded: try number(1)) }
  mutating func uint16() throws(RedisFailure) -> Int { Int(try number(2)) }
  mutating func uint32() throws(RedisFailure) -> UInt32 { UInt32(truncatingIfNeeded: try number(4)) }
  mutating func uint64() throws(RedisFailure) -> UInt64 { try number(8) }
  mutating func timestamp() throws(RedisFailure) -> Timestamp {
    Timestamp(microseconds: Int64(bitPattern: try number(8)))
  }
  mutating func interval() throws(RedisFailure) -> Interval {
    Interval(microseconds: Int64(bitPattern: try number(8)))
  }
  mutating func double() throws(RedisFailure) -> Double { Double(bitPattern: try number(8)) }

  /// Zero means none.
  mutating func optionalTimestamp() throws(RedisFailure) -> Timestamp? {
    let at = try timestamp()
    return at == .distantPast ? nil : at
  }

  mutating func text(_ count: Int) throws(RedisFailure) -> String {
    String(decoding: bytes[try take(count)], as: UTF8.self)
  }
  mutating func text16() throws(RedisFailure) -> String { try text(try uint16()) }
  mutating func text32() throws(RedisFailure) -> String { try text(Int(try uint32())) }

  mutating func raw(_ count: Int) throws(RedisFailure) -> [UInt8] { Array(bytes[try take(count)]) }
  mutating func rest() throws(RedisFailure) -> [UInt8] { try raw(end - position) }
  mutating func restText() throws(RedisFailure) -> String { try text(end - position) }
}

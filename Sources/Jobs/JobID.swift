/// Ids the server makes: UUIDv7 (RFC 9562 section 5.7), with the store's number of the job inside, so that a store finds
/// the row without an index.
///
///     48 bits  milliseconds since 1970
///      4 bits  version 7
///     12 bits  salt, high part
///      2 bits  variant
///     46 bits  seq
///     16 bits  salt, low part
///
/// The salt is the store's own (28 random bits), so ids of different stores differ even if time and seq agree.
public enum JobID {
  public static func make(seq: Int64, at now: Timestamp, salt: UInt32) -> String {
    let high =
      UInt64(truncatingIfNeeded: now.milliseconds) << 16 | 0x7000 | UInt64(salt >> 16 & 0xFFF)
    let low =
      UInt64(0b10) << 62 | (UInt64(truncatingIfNeeded: seq) & 0x3FFF_FFFF_FFFF) << 16 | UInt64(salt & 0xFFFF)
    // Fills exactly the 36 bytes it announces, all ASCII.
    return unsafe String(unsafeUninitializedCapacity: 36) { buffer in
      unsafe put(high >> 32, digits: 8, at: 0, buffer)
      unsafe buffer[8] = dash
      unsafe put(high >> 16, digits: 4, at: 9, buffer)
      unsafe buffer[13] = dash
      unsafe put(high, digits: 4, at: 14, buffer)
      unsafe buffer[18] = dash
      unsafe put(low >> 48, digits: 4, at: 19, buffer)
      unsafe buffer[23] = dash
      unsafe put(low, digits: 12, at: 24, buffer)
      return 36
    }
  }

  private static let dash = UInt8(ascii: "-")

  /// The low digits of `value` in hexadecimal.
  @inline(__always)
  private static func put(_ value: UInt64, digits: Int, at start: Int, _ buffer: UnsafeMutableBufferPointer<UInt8>) {
    var rest = value
    for index in stride(from: start + digits - 1, through: start, by: -1) {
      let nibble = UInt8(truncatingIfNeeded: rest & 0xF)
      unsafe buffer[index] = nibble &+ (nibble < 10 ? UInt8(ascii: "0") : UInt8(ascii: "a") - 10)
      rest >>= 4
    }
  }

  /// The seq inside, if `id` has the form of an id that `make` gives with this salt. A client may have chosen such an id
  /// itself: compare the stored job's id before believing it.
  public static func seq(of id: String, salt: UInt32) -> Int64? {
    guard id.utf8.count == 36 else { return nil }
    var id = id
    return id.withUTF8 { bytes in
      // 36 bytes, as checked above.
      guard unsafe bytes[8] == dash && bytes[13] == dash && bytes[18] == dash && bytes[23] == dash,
        let high = unsafe word(bytes, 0..<8, 9..<13, 14..<18), let low = unsafe word(bytes, 19..<23, 24..<36, 36..<36),
        high >> 12 & 0xF == 7, low >> 62 == 0b10,
        UInt32(high & 0xFFF) == salt >> 16 & 0xFFF, UInt32(low & 0xFFFF) == salt & 0xFFFF
      else { return nil }
      return Int64(low >> 16 & 0x3FFF_FFFF_FFFF)
    }
  }

  /// The number that the hexadecimal digits in these places make, lower case only.
  @inline(__always)
  private static func word(
    _ bytes: UnsafeBufferPointer<UInt8>, _ first: Range<Int>, _ second: Range<Int>, _ third: Range<Int>
  ) -> UInt64? {
    var value: UInt64 = 0
    var isGood = true
    func add(_ range: Range<Int>) {
      for index in range {
        let byte = unsafe bytes[index]
        let isDigit = byte &- UInt8(ascii: "0") < 10
        isGood = isGood && (isDigit || byte &- UInt8(ascii: "a") < 6)
        value = value << 4 | UInt64(byte &- (isDigit ? UInt8(ascii: "0") : UInt8(ascii: "a") - 10))
      }
    }
    add(first)
    add(second)
    add(third)
    return isGood ? value : nil
  }
}

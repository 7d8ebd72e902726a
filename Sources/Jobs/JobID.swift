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
      var at = 0
      for index in 0..<32 {
        if index == 8 || index == 12 || index == 16 || index == 20 {
          unsafe buffer[at] = UInt8(ascii: "-")
          at += 1
        }
        let word = index < 16 ? high : low
        let nibble = UInt8(truncatingIfNeeded: word >> UInt64((15 - index % 16) * 4) & 0xF)
        unsafe buffer[at] = nibble < 10 ? UInt8(ascii: "0") + nibble : UInt8(ascii: "a") + nibble - 10
        at += 1
      }
      return 36
    }
  }

  /// The seq inside, if `id` has the form of an id that `make` gives with this salt. A client may have chosen such an id
  /// itself: compare the stored job's id before believing it.
  public static func seq(of id: String, salt: UInt32) -> Int64? {
    var high: UInt64 = 0
    var low: UInt64 = 0
    var digits = 0
    var position = 0
    for byte in id.utf8 {
      if position == 8 || position == 13 || position == 18 || position == 23 {
        guard byte == UInt8(ascii: "-") else { return nil }
      } else {
        let nibble: UInt8
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): nibble = byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): nibble = byte - UInt8(ascii: "a") + 10
        default: return nil
        }
        if digits < 16 { high = high << 4 | UInt64(nibble) } else { low = low << 4 | UInt64(nibble) }
        digits += 1
        guard digits <= 32 else { return nil }
      }
      position += 1
    }
    guard position == 36, digits == 32, high >> 12 & 0xF == 7, low >> 62 == 0b10 else { return nil }
    guard UInt32(high & 0xFFF) == salt >> 16 & 0xFFF, UInt32(low & 0xFFFF) == salt & 0xFFFF else { return nil }
    return Int64(low >> 16 & 0x3FFF_FFFF_FFFF)
  }
}

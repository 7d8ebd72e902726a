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
      let bytes = UnsafeMutableRawBufferPointer(buffer)
      func four(_ digits: UInt64, _ place: Int) {
        unsafe bytes.storeBytes(
          of: UInt32(truncatingIfNeeded: digits).littleEndian, toByteOffset: place, as: UInt32.self)
        unsafe bytes[place - 1] = dash
      }
      func eight(_ digits: UInt64, _ place: Int) {
        unsafe bytes.storeBytes(of: digits.littleEndian, toByteOffset: place, as: UInt64.self)
      }
      let second = Hex.digits(of: UInt32(truncatingIfNeeded: high))
      let third = Hex.digits(of: UInt32(truncatingIfNeeded: low >> 32))
      eight(Hex.digits(of: UInt32(truncatingIfNeeded: high >> 32)), 0)
      four(second, 9)
      four(second >> 32, 14)
      four(third, 19)
      four(third >> 32, 24)
      eight(Hex.digits(of: UInt32(truncatingIfNeeded: low)), 28)
      return 36
    }
  }

  private static let dash = UInt8(ascii: "-")

  /// The seq inside, if `id` has the form of an id that `make` gives with this salt. A client may have chosen such an id
  /// itself: compare the stored job's id before believing it.
  public static func seq(of id: String, salt: UInt32) -> Int64? { parts(of: id, salt: salt)?.seq }

  /// Both numbers inside, likewise; `make` gives the same id from them.
  public static func parts(of id: String, salt: UInt32) -> (seq: Int64, milliseconds: Int64)? {
    guard id.utf8.count == 36 else { return nil }
    return unsafe id.utf8Span.span.withUnsafeBytes { bytes -> (seq: Int64, milliseconds: Int64)? in
      // All within the 36 bytes that there are.
      func four(_ place: Int) -> UInt64 {
        UInt64(UInt32(littleEndian: unsafe bytes.loadUnaligned(fromByteOffset: place, as: UInt32.self)))
      }
      func eight(_ place: Int) -> UInt64 {
        UInt64(littleEndian: unsafe bytes.loadUnaligned(fromByteOffset: place, as: UInt64.self))
      }
      guard unsafe bytes[8] == dash && bytes[13] == dash && bytes[18] == dash && bytes[23] == dash,
        let first = Hex.value(of: eight(0)), let second = Hex.value(of: four(9) | four(14) << 32),
        let third = Hex.value(of: four(19) | four(24) << 32), let fourth = Hex.value(of: eight(28)),
        second >> 12 & 0xF == 7, third >> 30 == 0b10
      else { return nil }
      let low = UInt64(third) << 32 | UInt64(fourth)
      guard second & 0xFFF == salt >> 16 & 0xFFF, fourth & 0xFFFF == salt & 0xFFFF else { return nil }
      return (Int64(low >> 16 & 0x3FFF_FFFF_FFFF), Int64(UInt64(first) << 16 | UInt64(second >> 16)))
    }
  }
}

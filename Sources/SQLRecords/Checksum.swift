/// Tells bytes that were written from bytes that were changed since: by a faulty disk, or by a hand in the table.
public enum Checksum {
  public static func of(_ bytes: [UInt8]) -> Int32 {
    var hash: UInt64 = 0x9E37_79B9_7F4A_7C15 ^ UInt64(bytes.count)
    // Words within the bytes; what is left is taken one by one.
    unsafe bytes.withUnsafeBytes { bytes in
      var place = 0
      while place + 8 <= bytes.count {
        hash = unsafe mix(hash ^ UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: place, as: UInt64.self)))
        place += 8
      }
      while place < bytes.count {
        hash = unsafe mix(hash ^ UInt64(bytes[place]))
        place += 1
      }
    }
    return Int32(truncatingIfNeeded: hash ^ hash >> 32)
  }

  /// One to one, so no change of a single word is ever missed before the end, where 64 bits become 32.
  @inline(__always)
  private static func mix(_ value: UInt64) -> UInt64 {
    let product = value &* 0xFF51_AFD7_ED55_8CCD
    return product ^ product >> 32
  }
}

/// Tells whether bytes are what was written: 32 bits, eight bytes at a time. Against accidents, not against people.
enum Checksum {
  @unsafe static func of(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
    var sum: UInt64 = 0x9E37_79B9_7F4A_7C15 ^ UInt64(bytes.count)
    var position = 0
    while position + 8 <= bytes.count {
      // Within the bytes, by the condition above.
      mix(&sum, UInt64(littleEndian: unsafe bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self)))
      position += 8
    }
    // The bytes that are left as one number, the first of them its highest.
    var rest: UInt64 = 0
    if position >= 8, position < bytes.count {
      // The last eight bytes; those of them that were taken above are cut off.
      let last = UInt64(bigEndian: unsafe bytes.loadUnaligned(fromByteOffset: bytes.count - 8, as: UInt64.self))
      rest = last & (1 << UInt64(8 * (bytes.count - position)) - 1)
    } else {
      while position < bytes.count {
        rest = rest << 8 | UInt64(unsafe bytes[position])
        position += 1
      }
    }
    mix(&sum, rest)
    return UInt32(truncatingIfNeeded: sum ^ sum >> 32)
  }

  static func of(_ bytes: [UInt8]) -> UInt32 { unsafe bytes.withUnsafeBytes { unsafe of($0) } }

  /// Each bit of `word` changes about half of the bits of the product, whose halves are folded.
  @inline(__always)
  private static func mix(_ sum: inout UInt64, _ word: UInt64) {
    let product = (sum ^ word).multipliedFullWidth(by: 0xD6E8_FEB8_6659_FD93)
    // With the word once more: a factor of zero would forget what came before.
    sum = (product.high ^ product.low) &+ (word << 32 | word >> 32) &+ sum
  }
}

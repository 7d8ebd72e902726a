/// Eight hexadecimal digits at once, lower case, the first in the lowest byte.
enum Hex {
  static func digits(of value: UInt32) -> UInt64 {
    // One byte, then one nibble, to each lane.
    var lanes = UInt64(value.byteSwapped)
    lanes = (lanes | lanes << 16) & 0x0000_FFFF_0000_FFFF
    lanes = (lanes | lanes << 8) & 0x00FF_00FF_00FF_00FF
    lanes = lanes >> 4 & 0x000F_000F_000F_000F | (lanes & 0x000F_000F_000F_000F) << 8
    let letters = (lanes + 0x0606_0606_0606_0606) >> 4 & 0x0101_0101_0101_0101
    return lanes + 0x3030_3030_3030_3030 + letters * UInt64(UInt8(ascii: "a") - UInt8(ascii: "0") - 10)
  }

  /// nil: not all of them are digits.
  static func value(of digits: UInt64) -> UInt32? {
    // Letters, and no digits, have this bit.
    let letters = digits >> 6 & 0x0101_0101_0101_0101
    var lanes = digits & 0x0F0F_0F0F_0F0F_0F0F &+ letters &* 9
    // Only what is a digit comes out of its value as it went in; "g" to "o" do too, with values that are too high.
    let high = (lanes &+ 0x7676_7676_7676_7676) >> 7 & 0x0101_0101_0101_0101
    let again = lanes &+ 0x3030_3030_3030_3030 &+ high &* UInt64(UInt8(ascii: "a") - UInt8(ascii: "0") - 10)
    guard again == digits, lanes & 0xF0F0_F0F0_F0F0_F0F0 == 0 else { return nil }
    lanes = (lanes << 4 | lanes >> 8) & 0x00FF_00FF_00FF_00FF
    lanes = (lanes | lanes >> 8) & 0x0000_FFFF_0000_FFFF
    return UInt32(truncatingIfNeeded: lanes | lanes >> 16).byteSwapped
  }
}

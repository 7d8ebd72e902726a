/// Makes tokens that no store gives out twice.
///
/// A token has the connection's number (15 bits, counted by Redis), 24 random bits, and a count of 24 bits. The number tells
/// connections apart; the random bits do so even when Redis has lost its data and counts anew.
struct TokenSource {
  private let epoch: Int64
  private var random: UInt32
  private var next: Int64 = 1

  init(epoch: Int64) {
    self.epoch = epoch
    random = UInt32.random(in: 0...0xFF_FFFF)
  }

  /// The first five bytes of the tokens, and the last three of the first of them.
  mutating func take(_ count: Int) -> (epoch: [UInt8], first: Int64) {
    if next + Int64(count) > 0xFF_FFFF {
      random = (random &+ 1) & 0xFF_FFFF
      next = 1
    }
    defer { next += Int64(count) }
    let number = UInt16(truncatingIfNeeded: epoch & 0x7FFF)
    var bytes: [UInt8] = []
    bytes.put(number)
    bytes.put(random << 8)
    bytes.removeLast()
    return (bytes, next)
  }
}

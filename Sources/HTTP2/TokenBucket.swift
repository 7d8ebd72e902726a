import NIOCore

/// A leaky count of things that should be rare: `burst` at once, then `perSecond`. Time comes in with each call.
struct TokenBucket: Sendable {
  private let burst: Int
  private let perSecond: Int
  private var level = 0
  private var last: NIODeadline

  init(burst: Int, perSecond: Int, now: NIODeadline) {
    self.burst = burst
    self.perSecond = perSecond
    self.last = now
  }

  /// Counts one; false when that is more than allowed.
  mutating func spend(now: NIODeadline) -> Bool {
    level += 1
    if level <= burst { return true }
    // Only now is it worth knowing how much has drained.
    let elapsed = (now - last).nanoseconds
    guard elapsed > 0, perSecond > 0 else { return false }
    let seconds = Double(elapsed) / 1e9
    let drained = seconds * Double(perSecond)
    if drained >= Double(level) {
      level = 1
    } else if drained >= 1 {
      level -= Int(drained)
    }
    if drained >= 1 { last = now }
    return level <= burst
  }

  /// Gives credit back for something useful.
  mutating func earn(_ tokens: Int) {
    level = max(0, level - tokens)
  }
}

/// The engine's own randomness (splitmix64): small, fast, and the same for the same seed on every machine.
final class Randomness {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// Evenly in 0..<1.
  func draw() -> Double { Double(next() >> 11) * 0x1p-53 }
}

import CNghttp2

/// Memory for libnghttp2, which makes eight blocks for each small call and frees them at its end. Small ones are kept by size for the next;
/// malloc keeps seven of each size at hand, and a burst of calls needs dozens.
///
/// A block has its size in front, since `free` does not say it.
@safe struct BlockPool {
  private static let step = 64
  private static let sizes = 8
  private static let header = 16
  /// Free blocks of one size, at most.
  private static let maxKept = 128

  /// Of each size the first free block, which begins with the address of the next.
  private var first = unsafe InlineArray<8, UnsafeMutableRawPointer?>(repeating: nil)
  private var kept = InlineArray<8, Int>(repeating: 0)

  mutating func allocate(_ size: Int) -> UnsafeMutableRawPointer? {
    let index = max(0, size - 1) / Self.step
    if index < Self.sizes, let block = unsafe first[index] {
      kept[index] -= 1
      // Written by `free`, and untouched since.
      unsafe first[index] = unsafe block.load(as: UnsafeMutableRawPointer?.self)
      return unsafe block
    }
    let capacity = index < Self.sizes ? (index + 1) * Self.step : size
    guard let memory = unsafe malloc(capacity + Self.header) else { return nil }
    unsafe memory.storeBytes(of: capacity, as: Int.self)
    return unsafe memory + Self.header
  }

  /// The block came from `allocate`, as all that are given to this pool.
  mutating func free(_ block: UnsafeMutableRawPointer) {
    let index = unsafe capacity(of: block) / Self.step - 1
    guard index < Self.sizes, kept[index] < Self.maxKept else { return unsafe CNghttp2.free(block - Self.header) }
    kept[index] += 1
    unsafe block.storeBytes(of: first[index], as: UnsafeMutableRawPointer?.self)
    unsafe first[index] = unsafe block
  }

  /// What `allocate` noted, at least the size asked for.
  func capacity(of block: UnsafeMutableRawPointer) -> Int { unsafe (block - Self.header).load(as: Int.self) }

  /// Gives the free blocks back. Those in use stay good.
  mutating func drain() {
    for index in 0..<Self.sizes {
      while let block = unsafe first[index] {
        unsafe first[index] = unsafe block.load(as: UnsafeMutableRawPointer?.self)
        unsafe CNghttp2.free(block - Self.header)
      }
      kept[index] = 0
    }
  }
}

import Testing

@testable import HTTP2

struct BlockPoolTests {
  @Test func aFreedBlockIsTheNextOfItsSize() throws {
    var pool = BlockPool()
    defer { pool.drain() }
    let small = try #require(unsafe pool.allocate(65))
    let large = try #require(unsafe pool.allocate(300))
    unsafe #expect(pool.capacity(of: small) == 128)
    unsafe pool.free(small)
    unsafe #expect(pool.allocate(300) != small)
    unsafe #expect(pool.allocate(128) == small)
    unsafe pool.free(small)
    unsafe pool.free(large)
  }

  @Test func everySizeHasItsRoom() throws {
    var pool = BlockPool()
    defer { pool.drain() }
    var blocks: [(UnsafeMutableRawPointer, Int)] = []
    for round in 0..<3 {
      for size in [0, 1, 63, 64, 65, 511, 512, 513, 40_000] {
        for _ in 0..<200 {
          let block = try #require(unsafe pool.allocate(size))
          unsafe #expect(pool.capacity(of: block) >= size)
          unsafe block.initializeMemory(as: UInt8.self, repeating: UInt8(round), count: size)
          unsafe blocks.append((block, size))
        }
      }
      // Nobody else wrote to them.
      for (block, size) in unsafe blocks {
        let bytes = unsafe UnsafeRawBufferPointer(start: block, count: size)
        unsafe #expect(bytes.allSatisfy { $0 == UInt8(round) })
        unsafe pool.free(block)
      }
      unsafe blocks = []
    }
  }
}

import Support
import Testing

@testable import SQLiteStore

@Suite struct SeqTableTests {
  @Test(arguments: [1, 2, 3] as [UInt64]) func itIsLikeADictionary(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    var table = SeqTable<Int>()
    var dictionary: [Int64: Int] = [:]
    for step in 0..<20_000 {
      // Few numbers, so that all of it happens often; now and then far apart ones.
      let seq = Int64.random(in: 1...300, using: &random) << (step % 7 == 0 ? 32 : 0)
      if Bool.random(using: &random) {
        table.insert(seq, step)
        dictionary[seq] = step
      } else {
        table.remove(seq)
        dictionary[seq] = nil
      }
      #expect(table.count == dictionary.count)
      let other = Int64.random(in: 1...300, using: &random)
      #expect(table[other] == dictionary[other])
    }
    for (seq, value) in dictionary { #expect(table[seq] == value) }
  }

  @Test func itGrowsAndShrinksWithoutLosingAny() {
    var table = SeqTable<Int64>()
    for seq in 1...10_000 as ClosedRange<Int64> { table.insert(seq, seq * 2) }
    for seq in 1...10_000 as ClosedRange<Int64> where seq % 3 != 0 { table.remove(seq) }
    #expect(table.count == 3_333)
    #expect((1...10_000 as ClosedRange<Int64>).allSatisfy { table[$0] == ($0 % 3 == 0 ? $0 * 2 : nil) })
  }
}

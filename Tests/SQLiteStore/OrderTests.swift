import Support
import Testing

@testable import SQLiteStore

@Suite(.aside) struct OrderTests {
  @Test(arguments: [1, 2, 3, 4] as [UInt64])
  func behavesLikeASortedArray(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    var order = Order()
    var model: [Entry] = []
    var seq: Int64 = 0
    for step in 0..<20_000 {
      // Grows, then shrinks, then grows again.
      let grows = step / 5_000 % 2 == 0
      switch Int.random(in: 0..<10, using: &random) {
      case 0..<(grows ? 7 : 3):
        seq += 1
        let at = random.chance(50) ? seq : Int64.random(in: 0..<3_000, using: &random)
        let entry = Entry(at: at, seq: seq, hasRow: random.chance(50))
        order.insert(entry)
        model.insert(entry, at: model.firstIndex { entry < $0 } ?? model.count)
      case 7, 8:
        if let victim = model.randomElement(using: &random) {
          #expect(order.remove(at: victim.at, seq: victim.seq) == victim)
          model.removeAll { $0 == victim }
        }
        #expect(order.remove(at: 0, seq: seq + 1) == nil)
      default:
        #expect(order.removeFirst() == model.first)
        if !model.isEmpty { model.removeFirst() }
      }
      if order.count != model.count || order.first != model.first {
        Issue.record("seed \(seed), step \(step)")
        return
      }
      if step % 500 == 0, let probe = model.randomElement(using: &random) {
        #expect(order.rank(at: probe.at, seq: probe.seq) == model.firstIndex(of: probe))
      }
    }
    var rest: [Entry] = []
    while let entry = order.removeFirst() { rest.append(entry) }
    #expect(rest == model)
  }
}

import NIOCore
import Testing

@testable import RPC

@Suite struct DeadlineHeapTests {
  @Test(arguments: [1, 2, 3] as [UInt64]) func givesOutTheEarliestFirst(seed: UInt64) async throws {
    try await onLoop { loop in
      var random = seed
      func next(_ bound: UInt64) -> UInt64 {
        random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return (random >> 33) % bound
      }
      let context = LoopContext(eventLoop: loop)
      func call(_ deadline: UInt64?) -> ClientCall {
        ClientCall(
          path: "/a/b", metadata: Metadata(), options: CallOptions(),
          deadline: deadline.map { .uptimeNanoseconds($0) }, context: context,
          configuration: ClientRPCConfiguration(), handler: RecordingHandler())
      }
      var heap = DeadlineHeap()
      var inside: [ClientCall] = []
      for _ in 0..<2000 {
        if next(3) > 0 || inside.isEmpty {
          let new = call(next(1000) + 1)
          heap.insert(new)
          inside.append(new)
        } else {
          heap.remove(inside.remove(at: Int(next(UInt64(inside.count)))))
        }
        #expect(heap.earliest == inside.compactMap(\.deadline).min(), "seed \(seed)")
      }
      let expired = heap.takeExpired(now: .uptimeNanoseconds(500)).compactMap(\.deadline)
      #expect(expired == inside.compactMap(\.deadline).filter { $0 <= .uptimeNanoseconds(500) }.sorted())
      heap.insert(call(nil))
      for call in inside { heap.remove(call) }
      #expect(heap.earliest == nil)
    }
  }
}

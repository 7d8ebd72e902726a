import Jobs
import Testing

@testable import Wire

/// What a server that hands a worker's stream on reads of its messages and changes in them, by the codec's own words.
@Suite struct ForwardingTests {
  @Test func aWorkersMessageIsReadInOutline() throws {
    let codec = Codec()
    var message = WorkerMessage(capacity: 7)
    message.ackSeq = 300
    message.drain = true
    message.outcomes = [
      WorkerOutcome(lease: Lease(jobID: "a", token: 1 << 40), how: .success(result: [1, 2])),
      WorkerOutcome(lease: Lease(jobID: "b", token: 2), how: .canceled),
    ]
    let hello = WorkerHello(
      workerID: "w", subscriptions: [], maxInFlight: 3, held: [Lease(jobID: "old", token: 9)])
    let words = codec.bytes { $0.encodeWorkRequest(hello: hello, message) }
    let read = WorkRequestOutline(words.span)
    let outline = try #require(read)
    #expect(outline.ackSeq == 300 && outline.capacity == 7 && outline.drain)
    #expect(outline.outcomes.map(\.token) == [1 << 40, 2])
    let helloRange = try #require(outline.hello)
    // What a resumed session says: the same hello, but for what has changed.
    let lease = ForwardedLease(token: 5, bytes: [0x0A, 1, UInt8(ascii: "n"), 0x10, 5])
    let again = Forwarding.resumption(
      hello: Array(words[helloRange]), workerID: "made", capacity: 11, held: [lease],
      outcomes: outline.outcomes.map { Array(words[$0.range]) }, drain: false)
    let said = try codec.decodeWorkRequest(again.span.bytes)
    #expect(said.hello?.workerID == "made" && said.hello?.maxInFlight == 11)
    #expect(said.hello?.held == [Lease(jobID: "n", token: 5)])
    #expect(said.message.outcomes.map(\.lease) == message.outcomes.map(\.lease))
    let changed = try codec.decodeWorkRequest(Forwarding.request(words, ackSeq: 4).span.bytes)
    #expect(changed.message.ackSeq == 4 && changed.message.outcomes.count == 2)
  }

  @Test func whatIsCutOffIsNoCrash() {
    let codec = Codec()
    var message = WorkerMessage()
    message.outcomes = [WorkerOutcome(lease: Lease(jobID: "a", token: 1), how: .success(result: [1, 2, 3]))]
    let words = codec.bytes { $0.encodeWorkRequest(message) }
    for count in 0..<words.count {
      let part = Array(words[..<count])
      _ = WorkRequestOutline(part.span)
      _ = WorkResponseOutline(part.span)
      _ = Forwarding.response(part, seq: 1)
      _ = Forwarding.cursor(of: part.span)
    }
    let broken: [UInt8] = [0xFF]
    let none = WorkRequestOutline(broken.span)
    #expect(none.map(\.ackSeq) == nil)
  }

  @Test func numbersTowardsTheWorkerAreReplaced() throws {
    // seq 1, one more field.
    let message: [UInt8] = [0x08, 1, 0x30, 1]
    let changed = Forwarding.response(message, seq: 1_000)
    let read = WorkResponseOutline(changed.span)
    let outline = try #require(read)
    #expect(outline.seq == 1_000 && outline.drain)
    let lease = ForwardedLease(token: 5, bytes: [0x0A, 1, UInt8(ascii: "n"), 0x10, 5])
    let told = changed + Forwarding.cancellations([lease])
    let lost = WorkResponseOutline(told.span)
    #expect(lost?.lost == [5])
  }

  @Test func aWatcherGoesOnAfterItsCursor() throws {
    let codec = Codec()
    let request = Forwarding.events([0x0A, 1, UInt8(ascii: "0"), 0x12, 1, UInt8(ascii: "q")], after: "77")
    let said = try codec.decodeStreamEventsRequest(request.span.bytes)
    #expect(said.after == 77 && said.queues == ["q"])
    let response: [UInt8] = [0x12, 2, UInt8(ascii: "4"), UInt8(ascii: "2")]
    let cursor = Forwarding.cursor(of: response.span)
    #expect(cursor == "42")
  }
}

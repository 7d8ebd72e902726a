import HTTP2
import NIOCore
import Testing

struct HTTP2SessionTests {
  @Test func carriesARequestAndItsAnswer() throws {
    let pair = try SessionPair()
    let slot = try #require(pair.client.session.request(.request, endStream: false))
    pair.client.session.write(slot, [1, 2, 3])
    pair.client.session.finish(slot)
    pair.run()
    #expect(pair.server.events.contains(.data(0, [1, 2, 3])))
    #expect(pair.server.events.contains(.endStream(0)))
    pair.server.session.respond(0, .response, endStream: false)
    pair.server.session.write(0, [4, 5])
    pair.server.session.finish(0, trailers: HTTP2HeaderList([("grpc-status", "0")]))
    pair.run()
    #expect(
      Array(pair.client.events.suffix(4)) == [
        .headers(slot, [":status: 200", "content-type: application/grpc"], endStream: false, tooLarge: false),
        .data(slot, [4, 5]), .trailers(slot, ["grpc-status: 0"]), .closed(slot, .noError),
      ])
    #expect(pair.server.events.last == .closed(0, .noError))
    #expect(pair.client.session.openStreams == 0 && pair.server.session.openStreams == 0)
  }

  @Test func bytesMayBeSplitAnywhere() throws {
    let pair = try SessionPair()
    let slot = try #require(pair.client.session.request(.request, endStream: false))
    pair.client.session.write(slot, Array(repeating: 7, count: 300))
    pair.client.session.finish(slot)
    let sent = pair.run().0
    for split in 0...sent.readableBytes {
      let server = try Recorder(HTTP2Configuration(role: .server))
      server.receive(sent.getSlice(at: 0, length: split)!)
      server.receive(sent.getSlice(at: split, length: sent.readableBytes - split)!)
      #expect(server.events == pair.server.events, "split at \(split)")
    }
    let server = try Recorder(HTTP2Configuration(role: .server))
    for byte in sent.readableBytesView { server.receive(ByteBuffer(bytes: [byte])) }
    #expect(server.events == pair.server.events)
  }

  @Test func aServerThatAnswersEarlySaysSoAfterTheAnswer() throws {
    let pair = try SessionPair()
    let slot = try #require(pair.client.session.request(.request, endStream: false))
    pair.run()
    pair.server.session.respond(0, HTTP2HeaderList([(":status", "200"), ("grpc-status", "5")]), endStream: true)
    pair.run()
    #expect(
      Array(pair.client.events.suffix(2)) == [
        .headers(slot, [":status: 200", "grpc-status: 5"], endStream: true, tooLarge: false), .closed(slot, .noError),
      ])
    #expect(pair.server.session.openStreams == 0)
  }

  @Test func whatIsNotConsumedStopsTheSenderOfThatStreamOnly() throws {
    let pair = try SessionPair()
    pair.server.reads = false
    let slow = try #require(pair.client.session.request(.request, endStream: false))
    pair.client.session.write(slow, Array(repeating: 1, count: 1_000_000))
    pair.run()
    let window = Int(pair.server.session.configuration.streamWindow)
    #expect(pair.server.session.unconsumed == window)
    // The connection's window is given back, the stream's is not.
    pair.server.session.consume(0, connection: window, stream: 0)
    let quick = try #require(pair.client.session.request(.request, endStream: false))
    pair.client.session.write(quick, [9])
    pair.run()
    #expect(pair.server.events.last == .data(1, [9]))
    #expect(pair.client.session.pendingOutput(slow) == 1_000_000 - window)
    pair.server.reads = true
    pair.server.session.consume(0, connection: 0, stream: window)
    pair.run()
    #expect(pair.client.session.pendingOutput(slow) == 0)
  }

  @Test func outputStopsAtTheLimitAndSaysWhenItIsWritable() throws {
    let pair = try SessionPair()
    pair.run()
    let slot = try #require(pair.client.session.request(.request, endStream: false))
    pair.client.session.write(slot, Array(repeating: 1, count: 100_000))
    #expect(pair.client.produce(limit: 20_000).readableBytes < 20_000 + 16_394)
    #expect(pair.client.session.wantsWrite)
    _ = pair.client.produce()
    #expect(pair.client.events.last == .other("writable(slot: \(slot))"))
  }

  @Test func headersOverTheLimitAreMarkedAndNotStored() throws {
    let pair = try SessionPair()
    var list = HTTP2HeaderList.request
    for number in 0..<20 { list.add("x-\(number)", String(repeating: "v", count: 1000)) }
    _ = try #require(pair.client.session.request(list, endStream: true))
    pair.run()
    guard
      case .headers(_, let fields, _, let tooLarge)? = pair.server.events.last(where: {
        if case .headers = $0 { true } else { false }
      })
    else { throw Missing() }
    #expect(tooLarge)
    #expect(fields.count < 22)
    #expect(pair.server.session.failure == nil)
  }

  @Test func theGracefulEndServesWhatIsUnderWay() throws {
    let pair = try SessionPair()
    _ = try #require(pair.client.session.request(.request, endStream: true))
    pair.run()
    pair.server.session.submitShutdownNotice()
    pair.run()
    #expect(
      pair.client.events.last == .other("goAway(lastStreamID: 2147483647, error: HTTP2.HTTP2ErrorCode(rawValue: 0))"))
    pair.server.session.submitGoAway(.noError, reason: "max_age")
    pair.run()
    #expect(pair.client.events.last == .other("goAway(lastStreamID: 1, error: HTTP2.HTTP2ErrorCode(rawValue: 0))"))
    #expect(!pair.client.session.acceptsRequests)
    pair.server.session.respond(0, .response, endStream: true)
    pair.run()
    #expect(pair.client.session.openStreams == 0)
  }

  @Test func pingsAreAnswered() throws {
    let pair = try SessionPair()
    pair.run()
    pair.server.session.submitPing(42)
    pair.run()
    #expect(pair.client.events.last == .other("ping"))
    #expect(pair.server.events.last == .other("pingAck(42)"))
  }

  struct Missing: Error {}
}

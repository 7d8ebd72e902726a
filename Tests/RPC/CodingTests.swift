import NIOCore
import Testing

@testable import RPC

struct CodingTests {
  @Test func base64IsSentUnpaddedAndReadEitherWay() {
    #expect(Base64.encode([0, 1, 2, 253]) == Array("AAEC/Q".utf8))
    #expect(Base64.decode(Array("AAEC/Q".utf8)) == [0, 1, 2, 253])
    #expect(Base64.decode(Array("AAEC/Q==".utf8)) == [0, 1, 2, 253])
    #expect(Base64.decode([]) == [])
    for bad in ["A", "AA=", "AAEC/Q=", "A=A=", "a b=", "====", "AAEC====", "é"] {
      #expect(Base64.decode(Array(bad.utf8)) == nil, "\(bad)")
    }
    for count in 0..<70 {
      let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 37) }
      #expect(Base64.decode(Base64.encode(bytes)) == bytes)
    }
  }

  @Test func messagesArePercentEncoded() {
    #expect(String(decoding: PercentCoding.encode("a%b\nü ~"), as: UTF8.self) == "a%25b%0A%C3%BC ~")
    #expect(PercentCoding.decode(Array("a%25b%0A%C3%BC ~".utf8)) == "a%b\nü ~")
    #expect(PercentCoding.decode(Array("100%".utf8)) == "100%")
    #expect(PercentCoding.decode(Array("%zz%4".utf8)) == "%zz%4")
    #expect(PercentCoding.decode(Array("%ff".utf8)) == "\u{fffd}")
  }

  @Test func timeoutsFollowTheGrammar() {
    func parse(_ text: String) -> TimeAmount? { Timeout.parse(Array(text.utf8)) }
    #expect(parse("1n") == .nanoseconds(1))
    #expect(parse("2u") == .microseconds(2))
    #expect(parse("3m") == .milliseconds(3))
    #expect(parse("4S") == .seconds(4))
    #expect(parse("5M") == .minutes(5))
    #expect(parse("6H") == .hours(6))
    #expect(parse("99999999H") == .nanoseconds(.max))
    for bad in ["", "1", "S", "123456789S", "-1S", "1s", "1 S", "1.5S", "+1S"] { #expect(parse(bad) == nil, "\(bad)") }
    for amount in [0, 1, 99_999_999, 100_000_000, 12_345_678_901, 86_400_000_000_000] as [Int64] {
      let text = Timeout.format(.nanoseconds(amount))
      #expect(text.utf8.count <= 9)
      #expect((parse(text)?.nanoseconds ?? -1) >= amount, "\(amount)")
    }
  }

  @Test func gzipGoesThereAndBackAndIsLimited() throws {
    let gzip = Gzip()
    let text = ByteBuffer(repeating: 65, count: 100_000)
    var packed = ByteBuffer()
    #expect(gzip.deflate(text, into: &packed))
    #expect(packed.readableBytes < 1000)
    #expect(try gzip.inflate(packed, limit: 100_000) == text)
    #expect(throws: Gzip.InflateError.tooLarge) { try gzip.inflate(packed, limit: 99_999) }
    let half = packed.getSlice(at: 0, length: packed.readableBytes / 2)!
    #expect(throws: Gzip.InflateError.broken) { try gzip.inflate(half, limit: 100_000) }
    var more = packed
    more.writeInteger(UInt8(0))
    #expect(throws: Gzip.InflateError.broken) { try gzip.inflate(more, limit: 100_000) }
    #expect(throws: Gzip.InflateError.broken) { try gzip.inflate(ByteBuffer(), limit: 100_000) }
    #expect(throws: Gzip.InflateError.broken) { try gzip.inflate(ByteBuffer(string: "no gzip at all"), limit: 100_000) }
    // A broken message leaves nothing behind for the next.
    #expect(try gzip.inflate(packed, limit: 100_000) == text)
  }

  @Test func metadataKeepsOrderAndBytes() {
    var metadata = Metadata(("a", "1"), ("B", "2"), ("a", "3"))
    metadata.add("k-bin", bytes: [0, 255])
    metadata.add("no", bytes: [1])
    #expect(metadata.map(\.name) == ["a", "b", "a", "k-bin"])
    #expect(metadata[first: "a"] == "1")
    #expect(metadata["a"] == [.text("1"), .text("3")])
    #expect(metadata[firstBytes: "k-bin"] == [0, 255])
  }
}

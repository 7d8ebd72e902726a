import Protobuf
import Testing

@Suite struct WireReaderTests {
  private func fields(_ bytes: [UInt8]) throws -> [(number: Int, value: WireReader.Value)] {
    var reader = WireReader()
    var all: [(number: Int, value: WireReader.Value)] = []
    while let field = try reader.next(in: bytes.span) { all.append(field) }
    return all
  }

  @Test func readsEveryWireType() throws {
    let bytes: [UInt8] =
      [0x08, 0x96, 0x01] + [0x11] + [UInt8](repeating: 7, count: 8) + [0x1A, 2, 65, 66] + [0x25, 1, 2, 3, 4]
    let all = try fields(bytes)
    #expect(all.map(\.number) == [1, 2, 3, 4])
    #expect(all.map(\.value) == [.varint(150), .fixed64, .bytes(14..<16), .fixed32])
  }

  @Test func everyPrefixIsShortOrWhole() throws {
    let bytes: [UInt8] = [0x08, 0x96, 0x01, 0x1A, 2, 65, 66, 0x25, 1, 2, 3, 4]
    for end in 0..<bytes.count where ![0, 3, 7].contains(end) {
      #expect(throws: WireReader.Malformed.truncated) { try fields(Array(bytes[..<end])) }
    }
  }

  @Test(arguments: [
    ([0x0B] as [UInt8], WireReader.Malformed.wireType),
    ([0x0E], .wireType),
    ([0x00, 0x01], .fieldNumber),
    ([0x08] + [UInt8](repeating: 0xFF, count: 10) + [1], .varintTooLong),
    ([0x0A] + [UInt8](repeating: 0xFF, count: 9) + [1], .truncated),
    ([0xF8, 0xFF, 0xFF, 0xFF, 0xFF, 0x01, 0], .fieldNumber),
  ])
  func refuses(_ bytes: [UInt8], _ expected: WireReader.Malformed) {
    #expect(throws: expected) { try fields(bytes) }
  }
}

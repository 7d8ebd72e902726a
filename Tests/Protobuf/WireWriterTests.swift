import Protobuf
import Testing

/// What is written, read again field by field; `Tests/Wire` has generated C read the messages of the contract.
struct WireWriterTests {
  @Test(arguments: [0, 1, 127, 128, 129, 16_383, 16_384, 100_000])
  func messagesOfAnySize(size: Int) throws {
    let payload = [UInt8](repeating: 7, count: size)
    var writer = WireWriter()
    writer.field(1, 5)
    writer.message(2) { outer in
      outer.message(3) { $0.fields(payload) }
      outer.text(4, "after")
    }
    writer.field(16, 6)
    let message = writer.bytes
    #expect(message.count == writer.count)
    let outer = try #require(try fields(message).first { $0.number == 2 }?.bytes)
    #expect(try fields(message).map(\.number) == [1, 2, 16])
    #expect(try fields(outer).map(\.number) == [3, 4])
    #expect(try fields(outer)[0].bytes == payload)
    #expect(try fields(outer)[1].bytes == Array("after".utf8))
  }

  @Test func numbersOfAnySize() throws {
    let values: [UInt64] = [0, 1, 127, 128, 1 << 21 - 1, 1 << 21, 1 << 56, .max]
    for value in values {
      var writer = WireWriter()
      writer.field(3, value)
      #expect(try fields(writer.bytes).map(\.value) == [value])
    }
  }

  @Test func whatProto3LeavesOut() throws {
    var writer = WireWriter()
    writer.scalar(1, 0)
    writer.text(2, "")
    #expect(writer.count == 0)
    writer.scalar(1, 9)
    writer.text(2, "ä")
    #expect(writer.bytes == [8, 9, 18, 2, 0xC3, 0xA4])
  }

  @Test func sizesAreForetold() {
    for length in [0, 1, 127, 128, 16_383, 16_384] {
      var writer = WireWriter()
      writer.field(2, [UInt8](repeating: 1, count: length))
      #expect(WireWriter.size(ofField: length) == writer.count)
    }
  }

  @Test func theNextMessageHasNothingOfTheLast() {
    var writer = WireWriter()
    writer.field(1, [UInt8](repeating: 1, count: 200_000))
    writer.begin()
    #expect(writer.count == 0)
    writer.field(1, 1)
    #expect(writer.bytes == [8, 1])
  }

  private struct Field {
    var number: Int
    var value: UInt64 = 0
    var bytes: [UInt8] = []
  }

  private func fields(_ message: [UInt8]) throws -> [Field] {
    var found: [Field] = []
    var reader = WireReader()
    while let field = try reader.next(in: message.span) {
      switch field.value {
      case .varint(let value): found.append(Field(number: field.number, value: value))
      case .bytes(let range): found.append(Field(number: field.number, bytes: Array(message[range])))
      default: Issue.record("a field of another type")
      }
    }
    return found
  }
}

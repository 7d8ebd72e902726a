import DecodedMessages
import GRPCProtos
import Protobuf
import Testing

@Suite struct DecodedMessageTests {
  private typealias Failure = DecodedMessage<Grpc__Reflection__V1__ServerReflectionRequest>.Failure

  private func host(_ bytes: [UInt8], maximumFields: Int = 100) throws -> String {
    let message = try DecodedMessage(
      bytes.span, grpc__reflection__v1__server_reflection_request__init, maximumFields: maximumFields)
    return message.read { String(cString: $0.pointee.host) }
  }

  @Test func decodes() throws {
    #expect(try host([]) == "")
    #expect(try host([0x0A, 3] + Array("hä".utf8)) == "hä")
  }

  @Test func refusesStringsThatACharPointerCannotHold() {
    #expect(throws: Failure.refused(.stringWithNUL)) { try host([0x0A, 2, 65, 0]) }
    #expect(throws: Failure.refused(.stringNotUTF8)) { try host([0x0A, 2, 65, 0xC0]) }
    // Also in a submessage: file_containing_extension.containing_type.
    #expect(throws: Failure.refused(.stringWithNUL)) { try host([0x2A, 3, 0x0A, 1, 0]) }
  }

  @Test func refusesMoreFieldsThanAllowed() throws {
    let field: [UInt8] = [0x0A, 1, 65]
    #expect(try host([UInt8](repeatElement(field, count: 100).joined())) == "A")
    #expect(throws: Failure.refused(.tooManyFields)) {
      try host([UInt8](repeatElement(field, count: 101).joined()))
    }
    // Unknown fields cost memory too.
    #expect(throws: Failure.refused(.tooManyFields)) {
      try host([UInt8](repeatElement([0x78, 1], count: 101).joined()))
    }
  }

  @Test func refusesAWireTypeThatDoesNotFit() {
    #expect(throws: Failure.undecodable) { try host([0x08, 1]) }
  }
}

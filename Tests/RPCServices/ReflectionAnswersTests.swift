import DecodedMessages
import GRPCProtos
import NIOCore
import Protobuf
import RPC
import Testing

@testable import RPCServices

/// Answers are decoded by protobuf-c: an independent reading of what was written by hand.
@Suite struct ReflectionAnswersTests {
  private enum Answer: Equatable {
    case files([String])
    case extensions(String, [Int32])
    case services([String])
    case error(Int32)
    case none
  }

  private func answers(_ more: [[UInt8]] = []) throws -> ReflectionAnswers {
    let index = try DescriptorIndex([DescriptorIndex.standardServices] + more)
    return ReflectionAnswers(index: index, services: index.services)
  }

  /// A request with one field, as a client writes it.
  private func ask(_ number: Int, _ value: [UInt8], _ answers: ReflectionAnswers) throws -> Answer {
    var writer = WireWriter()
    writer.field(1, "localhost")
    writer.field(number, value)
    let original = ByteBuffer(bytes: writer.bytes)
    let (host, request) = try ReflectionRequest.decode(original).get()
    let bytes = answers.response(to: request, host: host, original: original)
    let response = try DecodedMessage(bytes.span, grpc__reflection__v1__server_reflection_response__init)
    return response.read { response in
      #expect(String(cString: response.pointee.valid_host) == "localhost")
      #expect(String(cString: response.pointee.original_request.pointee.host) == "localhost")
      switch response.pointee.message_response_case.rawValue {
      case 4:
        let files = response.pointee.file_descriptor_response.pointee
        return .files(
          (0..<files.n_file_descriptor_proto).map { index in
            let file = files.file_descriptor_proto[index]
            let fields = try? DescriptorFields(Array(UnsafeBufferPointer(start: file.data, count: file.len)))
            return fields?.string(1) ?? "?"
          })
      case 5:
        let numbers = response.pointee.all_extension_numbers_response.pointee
        return .extensions(
          String(cString: numbers.base_type_name),
          Array(UnsafeBufferPointer(start: numbers.extension_number, count: numbers.n_extension_number)))
      case 6:
        let list = response.pointee.list_services_response.pointee
        return .services((0..<list.n_service).map { String(cString: list.service[$0]!.pointee.name) })
      case 7:
        return .error(response.pointee.error_response.pointee.error_code)
      default:
        return .none
      }
    }
  }

  private func ask(_ number: Int, _ value: String, _ answers: ReflectionAnswers) throws -> Answer {
    try ask(number, Array(value.utf8), answers)
  }

  @Test func listsServices() throws {
    #expect(
      try ask(7, "*", answers())
        == .services([
          "grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection",
        ]))
  }

  @Test(arguments: [
    "grpc.health.v1.Health", "grpc.health.v1.Health.Check", "grpc.health.v1.HealthCheckResponse",
    "grpc.health.v1.HealthCheckResponse.ServingStatus", "grpc.health.v1.HealthCheckResponse.SERVING",
    "grpc.health.v1.HealthCheckResponse.status", "grpc.health.v1.HealthListResponse.StatusesEntry",
  ])
  func findsTheFileOfEverySymbol(_ symbol: String) throws {
    #expect(try ask(4, symbol, answers()) == .files(["grpc/health/v1/health.proto"]))
  }

  @Test func findsOneofsAndUnknownSymbolsAreNotFound() throws {
    let file = "grpc/reflection/v1/reflection.proto"
    #expect(
      try ask(4, "grpc.reflection.v1.ServerReflectionRequest.message_request", answers()) == .files([file]))
    #expect(try ask(3, file, answers()) == .files([file]))
    for name in ["", "grpc.health.v1", "grpc.health.v1.Nothing", ".grpc.health.v1.Health"] {
      #expect(try ask(4, name, answers()) == .error(5))
      #expect(try ask(3, name, answers()) == .error(5))
    }
  }

  /// Two files, `b` importing `a`; `b` extends `p.M` with number 100 at the top and 101 inside a message.
  private var extensions: [UInt8] {
    func field(_ name: String, _ number: UInt64) -> (inout WireWriter) -> Void {
      { field in
        field.field(1, name)
        field.field(2, ".p.M")
        field.field(3, number)
      }
    }
    var set = WireWriter()
    set.message(1) { file in
      file.field(1, "a.proto")
      file.field(2, "p")
      file.message(4) { $0.field(1, "M") }
    }
    set.message(1) { file in
      file.field(1, "b.proto")
      file.field(3, "a.proto")
      file.message(4) { message in
        message.field(1, "N")
        message.message(6, field("inner", 101))
      }
      file.message(7, field("outer", 100))
    }
    return set.bytes
  }

  @Test func findsExtensions() throws {
    let answers = try answers([extensions])
    var request = WireWriter()
    request.field(1, "p.M")
    request.field(2, 101)
    #expect(try ask(5, request.bytes, answers) == .files(["b.proto", "a.proto"]))
    #expect(try ask(4, "N.inner", answers) == .files(["b.proto", "a.proto"]))
    #expect(try ask(6, "p.M", answers) == .extensions("p.M", [100, 101]))
    #expect(try ask(6, "N", answers) == .extensions("N", []))
    #expect(try ask(6, "p.Nobody", answers) == .error(5))
    request.field(2, 102)
    #expect(try ask(5, request.bytes, answers) == .error(5))
  }

  @Test func nothingAskedIsInvalid() throws {
    #expect(try ask(99, "", answers()) == .error(3))
  }

  @Test func refusesMalformedRequestsAndSets() {
    #expect(throws: Status.self) { try ReflectionRequest.decode(ByteBuffer(bytes: [0x1A, 9])).get() }
    #expect(throws: Status.self) { try ReflectionRequest.decode(ByteBuffer(bytes: [0x1A, 1, 0xFF])).get() }
    #expect(throws: Status.self) {
      try ReflectionRequest.decode(ByteBuffer(repeating: 0, count: 20_000)).get()
    }
    #expect(throws: WireReader.Malformed.truncated) { try DescriptorIndex([[0x0A, 9]]) }
  }
}

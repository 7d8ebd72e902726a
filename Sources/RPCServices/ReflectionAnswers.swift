import NIOCore
import Protobuf
import RPC

/// Answers reflection requests from an index. The field numbers are those of `grpc/reflection/v1/reflection.proto`.
struct ReflectionAnswers: Sendable {
  let index: DescriptorIndex
  let services: [String]

  /// The serialized `ServerReflectionResponse`. Every file comes with all it imports, so one answer is enough for a client.
  func response(to request: ReflectionRequest, host: String, original: ByteBuffer) -> [UInt8] {
    var writer = WireWriter()
    if !host.isEmpty { writer.field(1, host) }
    writer.field(2, original.readableBytesView)
    switch request {
    case .fileByFilename(let name):
      files(of: name, else: "no file \(name)", to: &writer)
    case .fileContainingSymbol(let symbol):
      files(of: index.symbols[symbol], else: "no symbol \(symbol)", to: &writer)
    case .fileContainingExtension(let type, let number):
      files(of: index.extensions[type]?[number], else: "no extension \(number) of \(type)", to: &writer)
    case .allExtensionNumbers(let type):
      extensionNumbers(of: type, to: &writer)
    case .listServices:
      writer.message(6) { list in
        for service in services {
          list.message(1) { $0.field(1, service) }
        }
      }
    case .notSet:
      error(.invalidArgument, "nothing was asked", to: &writer)
    }
    return writer.bytes
  }

  private func files(of name: String?, else missing: String, to writer: inout WireWriter) {
    guard let name, let files = index.closure(of: name) else { return error(.notFound, missing, to: &writer) }
    writer.message(4) { response in
      for file in files { response.field(1, file) }
    }
  }

  private func extensionNumbers(of type: String, to writer: inout WireWriter) {
    guard index.messages.contains(type) else { return error(.notFound, "no message \(type)", to: &writer) }
    writer.message(5) { response in
      response.field(1, type)
      for number in (index.extensions[type] ?? [:]).keys.sorted() {
        response.field(2, UInt64(truncatingIfNeeded: Int64(number)))
      }
    }
  }

  private func error(_ code: StatusCode, _ message: String, to writer: inout WireWriter) {
    writer.message(7) { response in
      response.field(1, UInt64(code.rawValue))
      response.field(2, message)
    }
  }
}

import NIOCore
public import RPC

/// Server reflection, `grpc.reflection.v1.ServerReflection` and its older twin `v1alpha`, which is the same on the wire
/// (gRPC `doc/server-reflection.md`).
public struct ReflectionService: Sendable {
  private let answers: ReflectionAnswers

  /// - Parameters:
  ///   - index: the descriptors of everything that is served, `DescriptorIndex.standardServices` among them.
  ///   - services: the full names that are listed; nil lists what the descriptors declare.
  public init(_ index: DescriptorIndex, services: [String]? = nil) {
    answers = ReflectionAnswers(index: index, services: services ?? index.services)
  }

  /// Adds both versions to the server's methods.
  public func register(in methods: inout MethodTable) {
    let answers = answers
    for version in ["v1", "v1alpha"] {
      let path = "/grpc.reflection.\(version).ServerReflection/ServerReflectionInfo"
      methods.stream(path, .bidirectionalStreaming) { _ in ReflectionHandler(answers) }
    }
  }
}

/// One reflection call: every request gets its answer. A client that sends without reading is not read from.
private final class ReflectionHandler: CallHandler {
  private let answers: ReflectionAnswers

  init(_ answers: ReflectionAnswers) {
    self.answers = answers
  }

  func message(_ message: ByteBuffer, call: ServerCall) {
    switch ReflectionRequest.decode(message) {
    case .failure(let failure):
      call.finish(failure)
    case .success(let (host, request)):
      call.send { $0.writeBytes(answers.response(to: request, host: host, original: message)) }
      if !call.isWritable { call.pauseReading() }
    }
  }

  func writable(call: ServerCall) {
    call.resumeReading()
  }

  func halfClosed(call: ServerCall) {
    call.finish()
  }
}

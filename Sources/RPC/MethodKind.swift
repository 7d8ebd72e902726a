/// Which of the four gRPC call types a method is.
///
/// A method whose client sends one message gets exactly one: the RPC layer refuses none and two before the handler sees anything.
public enum MethodKind: Sendable, Hashable {
  case unary
  case clientStreaming
  case serverStreaming
  case bidirectionalStreaming

  /// Whether the client may send any number of messages.
  public var clientStreams: Bool { self == .clientStreaming || self == .bidirectionalStreaming }

  /// Whether the server may send any number of messages.
  public var serverStreams: Bool { self == .serverStreaming || self == .bidirectionalStreaming }
}

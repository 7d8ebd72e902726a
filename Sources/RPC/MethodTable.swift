public import NIOCore

/// The table from path to handler; immutable once serving, shared by all loops.
public struct MethodTable: Sendable {
  /// Answers with `reply`, or with `send` and `finish`, now or later but on the call's event loop.
  public typealias UnaryHandler = @Sendable (ServerCall, ByteBuffer) -> Void
  public typealias StreamFactory = @Sendable (ServerCall) -> any CallHandler
  public typealias AsyncBody = @Sendable (AsyncServerCall) async throws -> Void

  enum Handler: Sendable {
    case unary(UnaryHandler)
    case stream(StreamFactory)
    case async(AsyncBody)
  }

  struct Method: Sendable {
    var path: String
    var kind: MethodKind
    var handler: Handler
  }

  var methods: [Method] = []
  var index: [String: Int] = [:]
  var interceptors: [any ServerInterceptor] = []

  public init() {}

  /// The hot path: called once with the one request message. The message may be a slice of the read buffer: decode or
  /// copy it before returning.
  public mutating func unary(_ path: String, _ handler: @escaping UnaryHandler) {
    add(Method(path: path, kind: .unary, handler: .unary(handler)))
  }

  /// Any call type, synchronous: makes the call's handler when its headers have arrived.
  public mutating func stream(_ path: String, _ kind: MethodKind, _ make: @escaping StreamFactory) {
    add(Method(path: path, kind: kind, handler: .stream(make)))
  }

  /// Any call type, async: one task, preferring the loop's task executor. Returning ends the call with `.ok`, throwing a
  /// `Status` with that, any other error with `UNKNOWN`. The task is cancelled when the call ends.
  public mutating func async(_ path: String, _ kind: MethodKind, _ body: @escaping AsyncBody) {
    add(Method(path: path, kind: kind, handler: .async(body)))
  }

  /// Interceptors are asked in the order they were added.
  public mutating func intercept(_ interceptor: any ServerInterceptor) {
    interceptors.append(interceptor)
  }

  /// All registered paths, in the order they were added.
  public var paths: [String] { methods.map(\.path) }

  /// The last registration of a path wins.
  private mutating func add(_ method: Method) {
    if let position = index[method.path] {
      methods[position] = method
    } else {
      index[method.path] = methods.count
      methods.append(method)
    }
  }
}

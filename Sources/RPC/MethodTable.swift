import Glibc
import NIOCore

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

  /// A class, so that a call holds on to its method with one reference.
  final class Method: Sendable {
    let index: Int
    let path: String
    let kind: MethodKind
    let handler: Handler
    let hash: Int
    private let pathBytes: [UInt8]

    init(index: Int, path: String, kind: MethodKind, handler: Handler) {
      self.index = index
      self.path = path
      self.kind = kind
      self.handler = handler
      pathBytes = Array(path.utf8)
      // Read during the call only.
      hash = unsafe pathBytes.withUnsafeBytes { unsafe MethodTable.hash($0) }
    }

    func isAt(_ path: UnsafeRawBufferPointer) -> Bool {
      guard pathBytes.count == path.count, let base = path.baseAddress else { return false }
      // Both have `path.count` bytes.
      return unsafe pathBytes.withUnsafeBytes { unsafe memcmp($0.baseAddress ?? base, base, path.count) == 0 }
    }
  }

  /// Who handles a call, decided when it begins.
  public enum Place {
    /// The method as it was registered.
    case here
    /// The method of the same path in another table.
    case table(MethodTable)
    case handler(any CallHandler)
  }

  /// Asked for every call, on its event loop; nil costs nothing.
  public var detour: (@Sendable (ServerCall) -> Place)?

  private(set) var methods: [Method] = []
  private(set) var interceptors: [any ServerInterceptor] = []
  /// Positions in `methods` plus one, 0 where free; the size is a power of two at least twice the number of methods.
  private var buckets: [Int32] = Array(repeating: 0, count: 16)

  public init() {}

  /// The hot path: called once with the one request message. The message may be a slice of the read buffer: decode or
  /// copy it before returning.
  public mutating func unary(_ path: String, _ handler: @escaping UnaryHandler) {
    add(path, .unary, .unary(handler))
  }

  /// Any call type, synchronous: makes the call's handler when its headers have arrived.
  public mutating func stream(_ path: String, _ kind: MethodKind, _ make: @escaping StreamFactory) {
    add(path, kind, .stream(make))
  }

  /// Any call type, async: one task, preferring the loop's task executor. Returning ends the call with `.ok`, throwing a
  /// `Status` with that, any other error with `UNKNOWN`. The task is cancelled when the call ends.
  public mutating func async(_ path: String, _ kind: MethodKind, _ body: @escaping AsyncBody) {
    add(path, kind, .async(body))
  }

  /// Interceptors are asked in the order they were added.
  public mutating func intercept(_ interceptor: any ServerInterceptor) {
    interceptors.append(interceptor)
  }

  /// All registered paths, in the order they were added.
  public var paths: [String] { methods.map(\.path) }

  /// The last registration of a path wins.
  private mutating func add(_ path: String, _ kind: MethodKind, _ handler: Handler) {
    if let position = methods.firstIndex(where: { $0.path == path }) {
      methods[position] = Method(index: position, path: path, kind: kind, handler: handler)
      return
    }
    methods.append(Method(index: methods.count, path: path, kind: kind, handler: handler))
    if methods.count * 2 > buckets.count {
      buckets = Array(repeating: 0, count: buckets.count * 2)
      for position in methods.indices { insert(position) }
    } else {
      insert(methods.count - 1)
    }
  }

  private mutating func insert(_ position: Int) {
    var bucket = methods[position].hash & (buckets.count - 1)
    while buckets[bucket] != 0 { bucket = (bucket + 1) & (buckets.count - 1) }
    buckets[bucket] = Int32(position + 1)
  }

  /// How this table handles what another calls `method`; nil: it has no such path.
  func handler(for method: Method) -> Handler? {
    if method.index < methods.count, methods[method.index].path == method.path { return methods[method.index].handler }
    return methods.first { $0.path == method.path }?.handler
  }

  /// Finds the method of a path that is still bytes on the wire.
  func find(_ path: UnsafeRawBufferPointer) -> Method? {
    var bucket = unsafe Self.hash(path) & (buckets.count - 1)
    while buckets[bucket] != 0 {
      let method = methods[Int(buckets[bucket]) - 1]
      // The hash of a path is no secret, but nobody else can add paths: a long probe cannot be provoked.
      if unsafe method.isAt(path) { return method }
      bucket = (bucket + 1) & (buckets.count - 1)
    }
    return nil
  }

  /// Like FNV-1a, but of eight bytes at a time, so that what the higher ones say has to be brought down.
  fileprivate static func hash(_ bytes: UnsafeRawBufferPointer) -> Int {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    func add(_ word: UInt64) {
      hash = (hash ^ word) &* 0x100_0000_01b3
      hash ^= hash >> 29
    }
    var position = 0
    while position + 8 <= bytes.count {
      unsafe add(bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self))
      position += 8
    }
    for position in position..<bytes.count { unsafe add(UInt64(bytes[position])) }
    return Int(truncatingIfNeeded: hash ^ hash >> 32)
  }
}

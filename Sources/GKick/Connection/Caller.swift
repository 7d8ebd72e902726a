import NIOCore
import RPC
import RPCTransport
import Synchronization
import Wire

/// Makes one connection's calls, for whichever client.
package final class Caller: Sendable {
  let carrier: any CallCarrier
  let metadata: Metadata
  private let timeout: TimeAmount
  private let patience: Duration
  private let onRetry: (@Sendable (GKickError) -> Void)?
  let codec = SharedCodec()
  /// A server was there: one that is away now is taken for one that comes back.
  private let hasAnswered = Atomic(false)

  convenience init(_ endpoint: Endpoint) throws(GKickError) {
    self.init(try endpoint.makeChannel(), endpoint)
  }

  /// - Parameter endpoint: for its terms; the address is the carrier's affair.
  package init(_ carrier: any CallCarrier, _ endpoint: Endpoint) {
    self.carrier = carrier
    metadata = endpoint.metadata
    timeout = TimeAmount(endpoint.timeout)
    patience = endpoint.patience
    onRetry = endpoint.onRetry
  }

  /// - Parameter mayRepeat: it does no harm to carry it out twice, so it survives a restart of the server.
  package func call<Answer: Sendable>(
    _ method: String, timeout: TimeAmount? = nil, waitForReady: Bool? = nil, mayRepeat: Bool = false,
    _ encode: (Codec) -> Int, _ decode: (Codec, RawSpan) throws(WireError) -> Answer
  ) async throws -> Answer {
    let request = codec.encode(encode)
    let options = CallOptions(timeout: timeout ?? self.timeout, waitForReady: waitForReady)
    var failures = 0
    var end: ContinuousClock.Instant?
    while true {
      let response = await carrier.unaryResponse(
        "/gkick.v1.\(method)", request, metadata: metadata, options: options)
      if let message = response.message {
        hasAnswered.store(true, ordering: .relaxed)
        do {
          return try codec.decode(message, decode)
        } catch {
          throw GKickError(error)
        }
      }
      if response.status.code == .cancelled, Task.isCancelled { throw CancellationError() }
      let error = GKickError(response.status)
      let isOver = end.map { $0 <= .now } ?? false
      guard error.code == .unavailable, mayRepeat, hasAnswered.load(ordering: .relaxed), !isOver,
        patience > .zero
      else { throw error }
      end = end ?? .now + patience
      failures += 1
      onRetry?(error)
      try await Task.sleep(for: error.retryAfter ?? Reconnect.wait(afterFailures: failures))
    }
  }

  /// A call whose answer says nothing.
  func call(_ method: String, mayRepeat: Bool = false, _ encode: (Codec) -> Int) async throws {
    try await call(method, mayRepeat: mayRepeat, encode) { _, _ throws(WireError) in }
  }

  /// A list that comes page by page, `limit` of it at most.
  /// - Parameter encode: is given the page's token, and how many it may have.
  func pages<Element: Sendable>(
    _ method: String, limit: Int = .max, _ encode: (Codec, String, UInt32) -> Int,
    _ decode: (Codec, RawSpan) throws(WireError) -> ([Element], String)
  ) async throws -> [Element] {
    var all: [Element] = []
    var token = ""
    repeat {
      let (before, size) = (token, UInt32(min(1_000, max(1, limit - all.count))))
      let (elements, next) = try await call(method, mayRepeat: true, { encode($0, before, size) }, decode)
      all += elements
      token = next
    } while !token.isEmpty && all.count < limit
    return all
  }

  package func close() async { await carrier.close() }
}

import Engine
import Jobs
import NIOCore
import RPC
import Wire

/// A unary call and its message.
struct Request {
  var call: ServerCall
  var message: ByteBuffer

  /// The message as a value, by one of the codec's functions.
  func decode<Value>(
    _ decode: (RawSpan) throws(WireError) -> Value
  ) throws(Status) -> Value {
    try message.decode(decode)
  }
}

extension ByteBuffer {
  func decode<Value>(_ decode: (RawSpan) throws(WireError) -> Value) throws(Status) -> Value {
    do throws(WireError) {
      return try decode(readableBytesSpan)
    } catch {
      throw Status(error)
    }
  }
}

extension ServerCall {
  /// Sends the message that `codec` has just encoded in `size` bytes.
  func send(_ codec: Codec, _ size: Int) {
    send { buffer in
      // Exactly `size` bytes are written into the room asked for.
      _ = unsafe buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: size) { unsafe codec.pack(into: $0) }
    }
  }

  /// The one answer of a unary call.
  func reply(_ codec: Codec, _ size: Int) {
    reply { buffer in
      // Exactly `size` bytes are written into the room asked for.
      _ = unsafe buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: size) { unsafe codec.pack(into: $0) }
    }
  }
}

extension Status {
  init(_ error: WireError) {
    switch error.kind {
    case .invalid: self.init(.invalidArgument, error.description)
    case .unimplemented: self.init(.unimplemented, error.description)
    }
  }

  init(_ error: StoreError) {
    switch error.kind {
    case .unavailable, .locked: self.init(.unavailable, error.message, retryPushback: 1_000)
    // The fence held: nothing was written of what was asked.
    case .deposed: self = .notLeading
    case .full: self.init(.resourceExhausted, error.message, retryPushback: 5_000)
    case .unusable: self.init(.internal, error.message)
    }
  }

  init(_ refusal: EnqueueRefusal) {
    switch refusal {
    case .unknownDependency(let id): self.init(.failedPrecondition, "job.depends_on: no job \(id)")
    case .foreignID: self.init(.alreadyExists, "job.id: it is taken")
    case .foreignBatch(let id): self.init(.alreadyExists, "job.batch_id: batch \(id) is another's")
    case .circle: self.init(.invalidArgument, "job.depends_on: jobs that wait for each other, or for themselves")
    case .batchClosed(let id): self.init(.failedPrecondition, "job.batch_id: batch \(id) is closed")
    case .tooManyWaiting(let scope, let after):
      self.init(
        .resourceExhausted, "as many jobs wait as the limit of \(scope) allows",
        retryPushback: max(1, after.microseconds / 1_000))
    }
  }

  /// Too much waits for the engine or for the store's readers.
  static let overloaded = Status(
    .resourceExhausted, "the server has too much to do; try again shortly", retryPushback: 500)
  static let shuttingDown = Status(.unavailable, "the server is shutting down", retryPushback: 500)
  static let wrongLoop = Status(.internal, "the call is on a loop that the engine does not know")

  static let workerOfAnother = Status(
    .permissionDenied, "worker_id: a worker of this id takes from queues that are not yours")

  static func unknownJob(_ id: String) -> Status { Status(.notFound, "no job \(id)") }

  /// The engine gave an answer of another kind than was asked for.
  static let confused = Status(.internal, "unexpected answer from the engine")

  /// For an answer that is not the one hoped for.
  init(_ reply: Reply) {
    if case .failed(let error) = reply { self.init(error) } else { self = .confused }
  }
}

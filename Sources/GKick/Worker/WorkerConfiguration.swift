public import Logging

/// How a ``Worker`` works.
public struct WorkerConfiguration: Sendable {
  /// One queue, or with a trailing `*` all that begin so. Queues without a weight are taken in strict order of the list, those
  /// with one share by it.
  public struct Queue: Sendable, Hashable, ExpressibleByStringLiteral {
    public var name: String
    /// 0: none.
    public var weight: Int

    public init(_ name: String, weight: Int = 0) {
      self.name = name
      self.weight = weight
    }

    public init(stringLiteral value: String) { self.init(value) }
  }

  public var queues: [Queue]
  /// How many jobs may run at once.
  public var concurrency: Int
  /// Names this worker on the server. Two living workers must not share one. `nil`: made from host, process and chance.
  public var id: String?
  /// Bytes of payload that may be held at once; 0: no limit.
  public var maxPayloadBytes = 64 * 1024 * 1024
  /// How long the server keeps this worker's running jobs for it after the connection broke. `.zero`: not at all.
  public var resumeWindow: Duration = .seconds(30)
  /// How long a graceful shutdown waits for running jobs; then they are cancelled and given back.
  public var drainTimeout: Duration = .seconds(30)
  /// How long jobs that were cancelled at the end of `drainTimeout` have to end.
  public var stopTimeout: Duration = .seconds(5)
  /// The longest result that is sent, in bytes; a job with a longer one has failed. As the server's `--max-payload`, which refuses longer ones.
  public var maxResultBytes = 1024 * 1024
  /// Told when the server is reached, and when and why it is not. Called on an event loop: it must not block.
  public var onConnection: (@Sendable (WorkerConnection) -> Void)?
  /// Shown with the worker on the server.
  public var labels: [String: String] = [:]
  public var logger: Logger?

  public init(queues: [Queue] = ["default"], concurrency: Int = 10) {
    self.queues = queues
    self.concurrency = concurrency
  }
}

/// How a ``Worker`` stands with its server.
public enum WorkerConnection: Sendable, Hashable {
  /// The server has greeted; jobs come.
  case connected(serverID: String)
  /// It is away, and is tried again. Told for every try.
  case lost(GKickError)
}

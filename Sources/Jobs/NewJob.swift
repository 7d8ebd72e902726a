/// A job to be stored, already validated: what the scheduler reads as fields, the rest as one opaque `body`.
public struct NewJob: Sendable {
  /// Empty: the store makes a UUIDv7. Given: the enqueue is idempotent. Up to 128 of [A-Za-z0-9_.:-].
  public var id: String
  /// 1 to 128 of [A-Za-z0-9_.:-].
  public var queue: String
  /// 1 to 256 bytes.
  public var name: String
  /// -100...100, higher first.
  public var priority: Int8
  /// When it is due; nil: now.
  public var runAt: Timestamp?
  public var options: JobOptions
  /// The payload's length in bytes, for the workers' byte limits.
  public var payloadSize: Int
  /// What only producer and worker read (payload, content type, metadata ...), as the Wire module encoded it: stores and
  /// engine keep it and hand it on, they never look inside.
  public var body: [UInt8]

  public init(
    id: String = "", queue: String = "default", name: String, priority: Int8 = 0, runAt: Timestamp? = nil,
    options: JobOptions = .standard, payloadSize: Int = 0, body: [UInt8] = []
  ) {
    self.id = id
    self.queue = queue
    self.name = name
    self.priority = priority
    self.runAt = runAt
    self.options = options
    self.payloadSize = payloadSize
    self.body = body
  }
}

/// Jobs that programs put into the storage by themselves, in transactions of their own. Used by one thread.
public protocol Inbox: AnyObject, Sendable {
  /// What lies there and was not given before, at most `limit`: in the order in which each session put it in. It lies there until a change
  /// set takes it, see `ChangeSet.taken`.
  func arrived(limit: Int) throws(StoreError) -> [InboxItem]

  /// From now on all that lies there counts as not given: after a write that failed, or when another server led.
  func reset()

  /// Waits until something may have arrived, or `end` has been called; at most as long as the storage thinks right.
  func wait() throws(StoreError)

  /// Ends a wait, from any thread: nobody waits any more.
  func end()
}

/// What a producer asked for, checked as far as the database could.
public struct InboxItem: Sendable {
  public var number: Int64
  /// With the id that the producer was told, without body.
  public var job: NewJob
  public var payload: [UInt8]
  public var contentType: String
  public var metadata: [(key: String, value: String)]
  /// It cannot become a job, and why: what was put in was not checked there.
  public var fault: String?

  public init(
    number: Int64, job: NewJob, payload: [UInt8] = [], contentType: String = "",
    metadata: [(key: String, value: String)] = [], fault: String? = nil
  ) {
    self.number = number
    self.job = job
    self.payload = payload
    self.contentType = contentType
    self.metadata = metadata
    self.fault = fault
  }
}

/// What became of something that lay in the inbox: it goes in the same transaction.
public struct TakenItem: Hashable, Sendable {
  public var number: Int64
  /// nil: it became a job.
  public var refusal: Refusal?

  public struct Refusal: Hashable, Sendable {
    public var id: String
    public var queue: String
    public var name: String
    public var reason: String
    /// The job that was there before; empty: none was in the way.
    public var existingID: String

    public init(id: String, queue: String, name: String, reason: String, existingID: String = "") {
      self.id = id
      self.queue = queue
      self.name = name
      self.reason = reason
      self.existingID = existingID
    }
  }

  public init(number: Int64, refusal: Refusal? = nil) {
    self.number = number
    self.refusal = refusal
  }
}

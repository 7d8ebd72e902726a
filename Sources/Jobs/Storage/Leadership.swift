/// Where the servers on one storage agree who leads. Called on the storage's thread or, by a server that does not lead, on any one
/// thread; blocks.
///
/// The leader's right ends when it was not renewed for a term, by the storage's clock or by that of whoever looks (spans only: nobody's
/// wall clock is compared with another's).
public protocol Leadership: AnyObject, Sendable {
  /// A secret of the storage, made with it: servers prove by it to each other that they belong to the same one.
  func secret() throws(StoreError) -> [UInt8]

  /// Says that this server is there. To be said again at least every two seconds; one that was silent for ten is gone.
  func announce(_ server: ServerRecord) throws(StoreError)

  /// This server goes.
  func leave(_ serverID: String) throws(StoreError)

  /// All that are there, by id, with who leads.
  func servers() throws(StoreError) -> [ServerRecord]

  /// Takes the leadership if nobody has it or who had it has not renewed it for `term`.
  func seek(_ serverID: String, term: Interval) throws(StoreError) -> Leading

  /// - Throws: `.deposed` when another epoch has begun.
  func renew(_ serverID: String, epoch: Epoch) throws(StoreError)

  /// Gives the leadership up, so that another need not wait for the term's end.
  func resign(_ serverID: String, epoch: Epoch) throws(StoreError)
}

public enum Leading: Hashable, Sendable {
  /// From now on, with a new epoch that is durable.
  case here(Epoch)
  /// Another server leads; where it can be reached, if it has announced itself.
  case elsewhere(serverID: String, address: String)
}

/// A server as the others know it.
public struct ServerRecord: Hashable, Sendable {
  public var id: String
  /// As advertised: host:port; empty: it cannot be reached by the others.
  public var address: String
  public var version: String
  public var startedAt: Timestamp
  public var lastSeenAt: Timestamp
  /// Connected to it.
  public var workers: UInt32
  public var leads: Bool

  public init(
    id: String, address: String, version: String, startedAt: Timestamp, lastSeenAt: Timestamp, workers: UInt32 = 0,
    leads: Bool = false
  ) {
    self.id = id
    self.address = address
    self.version = version
    self.startedAt = startedAt
    self.lastSeenAt = lastSeenAt
    self.workers = workers
    self.leads = leads
  }
}

public import Jobs

/// What the services say about the server, and what they accept.
public struct ServicesConfiguration: Sendable {
  public var serverID: String
  public var version: String
  /// "embedded", "redis", ...
  public var storeKind: String
  public var startedAt: Timestamp
  /// Bytes of one job's payload, and of one result.
  public var maxPayload: Int

  public init(serverID: String, version: String, storeKind: String, startedAt: Timestamp, maxPayload: Int = 1 << 20) {
    self.serverID = serverID
    self.version = version
    self.storeKind = storeKind
    self.startedAt = startedAt
    self.maxPayload = maxPayload
  }
}

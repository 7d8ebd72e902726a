public import Jobs

/// What the services say about the server, and what they accept.
public struct ServicesConfiguration: Sendable {
  public var serverID: String
  public var version: String
  /// Where others reach it; empty: nowhere that is known.
  public var address: String
  /// "embedded", "redis", ...
  public var storeKind: String
  public var startedAt: Timestamp
  /// Bytes of one job's payload, and of one result.
  public var maxPayload: Int
  /// For recurring jobs.
  public var zones: any TimeZoneSource

  public init(
    serverID: String, version: String, address: String = "", storeKind: String, startedAt: Timestamp,
    maxPayload: Int = 1 << 20, zones: any TimeZoneSource = UTCOnly()
  ) {
    self.serverID = serverID
    self.version = version
    self.address = address
    self.storeKind = storeKind
    self.startedAt = startedAt
    self.maxPayload = maxPayload
    self.zones = zones
  }
}

/// What `gkick server` was told of its Redis, besides the URL.
struct RedisSettings: Sendable {
  /// Replicas that must confirm every synced commit.
  var wait = 0
  var prefix = "{gkick}:"
  /// PEM file of the authorities that a rediss:// server's certificate is checked against; nil: the system's.
  var authorities: String?
}

import Jobs

/// What a Redis says of how safe it keeps what it has acknowledged.
struct DurabilityCheck {
  /// For people, one sentence each; empty: as safe as was asked for.
  private(set) var weaknesses: [String] = []

  init(_ connection: RedisConnection, replicas: Int, timeout: Duration) throws(RedisFailure) {
    let deadline = ContinuousClock.now + timeout
    let appends = try Self.setting("appendonly", connection, until: deadline)
    let fsync = try Self.setting("appendfsync", connection, until: deadline)
    switch (appends, fsync) {
    case (nil, _), (_, nil):
      weaknesses.append(
        "Redis does not tell its settings (CONFIG GET is not allowed): whether an acknowledged job survives a crash is unknown"
      )
    case ("yes", "always"): break
    case ("yes", let fsync?):
      weaknesses.append(
        "Redis has appendfsync \(fsync): up to a second or more of acknowledged jobs is lost when its machine fails. "
          + "Set appendfsync always for jobs that survive power loss")
    default:
      weaknesses.append(
        "Redis has appendonly no: acknowledged jobs are lost when it restarts. Set appendonly yes and appendfsync always"
      )
    }
    guard replicas > 0 else { return }
    let info: RedisInfo
    do throws(RedisFailure) {
      var reply = try connection.ask(RedisCommand("INFO", "replication"), until: deadline)
      info = RedisInfo(try reply.string())
    } catch .refused {
      return
    }
    let connected = info["connected_slaves"].flatMap { Int($0) } ?? 0
    if connected < replicas {
      weaknesses.append(
        "Redis has \(connected) replicas and \(replicas) are asked to confirm every commit: none will be acknowledged")
    }
  }

  /// Nil: Redis does not say.
  private static func setting(
    _ name: String, _ connection: RedisConnection, until deadline: ContinuousClock.Instant
  ) throws(RedisFailure) -> String? {
    do throws(RedisFailure) {
      var reply = try connection.ask(RedisCommand("CONFIG", "GET", name), until: deadline)
      guard try reply.array() == 2 else { return nil }
      _ = try reply.string()
      return try reply.string()
    } catch .refused(let text) {
      if text.hasPrefix("LOADING") { throw .refused(text) }
      return nil
    }
  }
}

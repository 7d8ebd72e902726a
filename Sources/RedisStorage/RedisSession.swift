/// A connection that has been greeted, with the scripts' names on its Redis.
struct RedisSession: Sendable {
  let connection: RedisConnection
  let hasScriptFlags: Bool
  /// The SHA-1 of the scripts' sources, told by Redis when it loads them.
  private var names: [Script: String] = [:]
  let replyTimeout: Duration

  init(_ connection: RedisConnection, hasScriptFlags: Bool, replyTimeout: Duration) {
    self.connection = connection
    self.hasScriptFlags = hasScriptFlags
    self.replyTimeout = replyTimeout
  }

  func ask(_ command: RedisCommand) throws(RedisFailure) -> RedisReply {
    try connection.ask(command, until: .now + replyTimeout)
  }

  /// Sends all, then waits for all: one round trip. An error reply throws once all have come, so that the connection stays in step.
  func ask(_ commands: [RedisCommand]) throws(RedisFailure) -> [RedisReply] {
    try send(commands)
    return try receive(commands.count)
  }

  /// Sends all; to be followed by `receive`, also after others were sent.
  func send(_ commands: [RedisCommand]) throws(RedisFailure) {
    let deadline = ContinuousClock.now + replyTimeout
    for command in commands { try connection.send(command, until: deadline) }
  }

  /// So many replies to what was sent, in its order. An error reply throws once they all have come.
  func receive(_ count: Int) throws(RedisFailure) -> [RedisReply] {
    let deadline = ContinuousClock.now + replyTimeout
    var replies: [RedisReply] = []
    replies.reserveCapacity(count)
    for _ in 0..<count { replies.append(try connection.receive(until: deadline)) }
    for reply in replies {
      if let text = reply.errorText { throw .refused(text) }
    }
    return replies
  }

  /// Runs a script; loads it when its Redis does not know it (SCRIPT FLUSH, a restart, another master).
  ///
  /// - Parameters:
  ///   - arguments: what follows the key.
  ///   - more: what follows these.
  ///   - after: a command sent along with it, whose reply is the second.
  mutating func run(
    _ script: Script, key: String, _ arguments: RedisCommand, _ more: RedisCommand = RedisCommand(),
    and after: RedisCommand? = nil, afterTimeout: Duration = .zero
  ) throws(RedisFailure) -> (RedisReply, RedisReply?) {
    for isSecond in [false, true] {
      let name = if !isSecond, let known = names[script] { known } else { try load(script) }
      var command = RedisCommand("EVALSHA", name, "1", key)
      command.add(arguments, 0..<arguments.count)
      let deadline = ContinuousClock.now + replyTimeout + afterTimeout
      try connection.send(command, more, until: deadline)
      if let after { try connection.send(after, until: deadline) }
      let reply = try connection.receive(until: deadline)
      let second: RedisReply? = if after == nil { nil } else { try connection.receive(until: deadline) }
      guard let text = reply.errorText else {
        if let text = second?.errorText { throw .refused(text) }
        return (reply, second)
      }
      if !text.hasPrefix("NOSCRIPT") || isSecond { throw .refused(text) }
    }
    throw .refused("NOSCRIPT it was loaded, and is gone again")
  }

  private mutating func load(_ script: Script) throws(RedisFailure) -> String {
    var load = RedisCommand("SCRIPT", "LOAD")
    load.add(script.source(hasFlags: hasScriptFlags))
    var reply = try ask(load)
    let name = try reply.string()
    names[script] = name
    return name
  }
}

/// A connection that has been greeted, with the scripts' names on its Redis.
final class RedisSession: Sendable {
  let connection: RedisConnection
  let hasScriptFlags: Bool

  init(_ connection: RedisConnection, hasScriptFlags: Bool) {
    self.connection = connection
    self.hasScriptFlags = hasScriptFlags
  }
}

/// The names under which Redis knows the scripts: the SHA-1 of their source, told by Redis when it loads them.
struct ScriptNames {
  private var names: [Bool: [Script: String]] = [:]

  /// Runs a script; loads it when its Redis does not know it (SCRIPT FLUSH, a restart, another master).
  ///
  /// - Parameter write: adds what follows the key: the arguments.
  mutating func run(
    _ script: Script, prefix: String, on session: RedisSession, timeout: Duration, command: inout RedisCommand,
    _ write: (inout RedisCommand) -> Void
  ) throws(RedisFailure) -> RedisReply {
    for isSecond in [false, true] {
      let name: String
      if !isSecond, let known = names[session.hasScriptFlags]?[script] {
        name = known
      } else {
        name = try load(script, on: session, until: .now + timeout)
      }
      command.removeAll()
      command.add("EVALSHA")
      command.add(name)
      command.add("1")
      command.add(prefix)
      write(&command)
      do {
        return try session.connection.ask(command, until: .now + timeout)
      } catch .refused(let text) where text.hasPrefix("NOSCRIPT") && !isSecond {
        continue
      }
    }
    throw .refused("NOSCRIPT it was loaded, and is gone again")
  }

  private mutating func load(
    _ script: Script, on session: RedisSession, until deadline: ContinuousClock.Instant
  ) throws(RedisFailure) -> String {
    var load = RedisCommand("SCRIPT", "LOAD")
    load.add(script.source(hasFlags: session.hasScriptFlags))
    var reply = try session.connection.ask(load, until: deadline)
    let name = try reply.string()
    names[session.hasScriptFlags, default: [:]][script] = name
    return name
  }
}

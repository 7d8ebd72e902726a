import Jobs

/// What hello.lua says of the store.
struct Greeting: Sendable {
  var salt: UInt32
  /// No other call got this number.
  var epoch: Int64
  var cursor: Int64
  var due: Timestamp?
  var paused: Set<String> = []
  var ready: Set<String> = []

  init(_ reply: RedisReply) throws(RedisFailure) {
    var reply = reply
    let count = try reply.array()
    salt = UInt32(truncatingIfNeeded: try reply.integer())
    epoch = try reply.integer()
    cursor = try reply.integer()
    due = try reply.optionalInteger().map { Timestamp(microseconds: $0) }
    let pausedCount = Int(try reply.integer())
    for index in 0..<max(0, count - 5) {
      if index < pausedCount { paused.insert(try reply.string()) } else { ready.insert(try reply.string()) }
    }
  }
}

import Jobs

/// What only databases are told.
struct SQLSettings: Hashable, Sendable {
  var schema = "gkick"
  var inboxPoll = Interval.milliseconds(50)
  var payloadLimit = 1 << 20
}

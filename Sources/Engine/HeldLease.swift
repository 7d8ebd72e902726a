import Jobs

/// One assignment as the session that holds it knows it.
struct HeldLease {
  var token: UInt64
  var jobID: String
  /// Of the message that brought it; confirmed once the worker's ack_seq reaches it. 0: confirmed.
  var seq: UInt64
  /// The worker was not told of it yet.
  static let unsaid = UInt64.max
  var attempt: UInt32
  /// In the `QueueLedger`.
  var queue: Int32
  var payloadSize: Int
  var startedAt: Instant
  var deadline: Instant?
  /// The worker was (or is to be) told to stop, for this reason.
  var stop: CancelNotice.Reason?

  var lease: Lease { Lease(jobID: jobID, token: token) }

  var isSaid: Bool { seq != Self.unsaid }

  var timedOut: Bool {
    if case .timeout? = stop { true } else { false }
  }
}

/// What a shared store's other servers did that this one wants to know.
public enum StoreSignal: Sendable {
  /// A job became ready in this queue.
  case ready(queue: String)
  /// A running job's cancellation was requested.
  case cancel(Lease, reason: String)
  /// Events were recorded up to this cursor.
  case events(upTo: Int64)
  /// A worker has connected to another server.
  case arrived(workerID: String, at: Timestamp)
  /// An operator wants a worker gone.
  case drain(workerID: String)
}

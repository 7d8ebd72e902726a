import Synchronization

/// Counts of a server since it was made.
public struct TransportStatistics: Sendable, Equatable {
  public var openConnections = 0
  public var acceptedConnections = 0
  /// Closed at once because of `maxConnections` or `maxConnectionsPerPeer`.
  public var refusedConnections = 0
  /// Ended by this side for what the peer did: floods, malformed frames, time-outs.
  public var endedConnections = 0
  public var openCalls = 0
  public var startedCalls = 0
  public var receivedBytes = 0
  public var sentBytes = 0
}

/// The counters behind it: written by all loops, read by anybody, in no particular order to each other.
final class TransportCounters: Sendable {
  let openConnections = Atomic<Int>(0)
  let acceptedConnections = Atomic<Int>(0)
  let refusedConnections = Atomic<Int>(0)
  let endedConnections = Atomic<Int>(0)
  let openCalls = Atomic<Int>(0)
  let startedCalls = Atomic<Int>(0)
  let receivedBytes = Atomic<Int>(0)
  let sentBytes = Atomic<Int>(0)
  let bufferedBytes = Atomic<Int>(0)
  private let perPeer = Mutex<[String: Int]>([:])

  var statistics: TransportStatistics {
    TransportStatistics(
      openConnections: openConnections.load(ordering: .relaxed),
      acceptedConnections: acceptedConnections.load(ordering: .relaxed),
      refusedConnections: refusedConnections.load(ordering: .relaxed),
      endedConnections: endedConnections.load(ordering: .relaxed),
      openCalls: openCalls.load(ordering: .relaxed),
      startedCalls: startedCalls.load(ordering: .relaxed),
      receivedBytes: receivedBytes.load(ordering: .relaxed),
      sentBytes: sentBytes.load(ordering: .relaxed))
  }

  /// Counts a new connection, unless there are too many. `host`: the peer's IP address, if it has one.
  func admit(host: String?, _ configuration: ServerConfiguration) -> Bool {
    acceptedConnections.add(1, ordering: .relaxed)
    guard openConnections.add(1, ordering: .relaxed).newValue <= configuration.maxConnections else {
      openConnections.subtract(1, ordering: .relaxed)
      refusedConnections.add(1, ordering: .relaxed)
      return false
    }
    guard let host, let limit = configuration.maxConnectionsPerPeer else { return true }
    let admitted = perPeer.withLock { counts in
      guard counts[host, default: 0] < limit else { return false }
      counts[host, default: 0] += 1
      return true
    }
    if !admitted {
      openConnections.subtract(1, ordering: .relaxed)
      refusedConnections.add(1, ordering: .relaxed)
    }
    return admitted
  }

  func left(host: String?, _ configuration: ServerConfiguration) {
    openConnections.subtract(1, ordering: .relaxed)
    guard let host, configuration.maxConnectionsPerPeer != nil else { return }
    perPeer.withLock { counts in
      let left = counts[host, default: 1] - 1
      counts[host] = left > 0 ? left : nil
    }
  }
}

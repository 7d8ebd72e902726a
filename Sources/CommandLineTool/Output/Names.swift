import GKick
import Jobs
import Services

extension JobState {
  init?(name: String) {
    guard let state = JobState.allCases.first(where: { $0.name == name.uppercased() }) else { return nil }
    self = state
  }
}

extension Event.Kind {
  /// As the contract calls it, without its prefix: LEASE_LOST.
  var name: String { "\(self)".reduce(into: "") { $0 += $1.isUppercase ? "_\($1)" : $1.uppercased() } }

  init?(name: String) {
    guard let kind = Event.Kind.allCases.first(where: { $0.name == name.uppercased() }) else { return nil }
    self = kind
  }
}

extension Jobs.Durability {
  var name: String { self == .synced ? "SYNCED" : "RELAXED" }
}

extension Timestamp {
  /// By this machine's clock.
  static var now: Timestamp { EngineHost.wallClock() }
}

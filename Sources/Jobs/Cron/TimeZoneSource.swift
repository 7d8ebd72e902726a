/// Where the rules of time zones come from. Asked on event loops too: what it has read it keeps.
public protocol TimeZoneSource: Sendable {
  /// nil: there is no such zone, or no data of it here.
  func rules(_ name: String) -> TimeZoneRules?
  /// For people: why there are none, what to do about it; nil: zones can be had.
  var lack: String? { get }
}

/// Knows UTC alone.
public struct UTCOnly: TimeZoneSource {
  public let lack: String?

  public init(lack: String = "no time zone data here: only UTC is known") { self.lack = lack }

  public func rules(_ name: String) -> TimeZoneRules? {
    switch name {
    case "", "UTC", "Etc/UTC": TimeZoneRules(name: name, first: 0, changes: [], offsets: [], rule: nil)
    default: nil
    }
  }
}

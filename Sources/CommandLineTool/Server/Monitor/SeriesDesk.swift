import Engine
import Services
import Synchronization

/// The series that the web page shows: the last five minutes in steps of two seconds, the last day in steps of a minute. Some 200 KB, in memory only.
final class SeriesDesk: Sendable {
  /// How the server stands, beside its figures.
  struct Standing: Sendable {
    var serverID: String
    /// Empty: nobody is known to lead.
    var leaderID: String
    var leads: Bool
    var store: String
    /// Why the store does not do its work; nil: it does.
    var trouble: String?

    var json: JSONValue {
      var members: [(String, JSONValue)] = [
        ("serverId", .string(serverID)), ("leaderId", .string(leaderID)), ("leads", .bool(leads)),
        ("store", .string(store)),
      ]
      if let trouble { members.append(("storeTrouble", .string(trouble))) }
      return .object(members)
    }
  }

  static let liveStep: Int64 = 2
  private struct State {
    var live = Series(step: SeriesDesk.liveStep, limit: 150)
    var day = Series(step: 60, limit: 1_440)
    /// As it is given to everyone who asks until the next point.
    var texts: [String: String] = [:]
    var standing: Standing?
  }
  private let state = Mutex(State())

  /// - Parameters:
  ///   - reading: nil: this server does not lead.
  ///   - now: seconds since 1970.
  func take(_ reading: SeriesReading?, _ standing: Standing, now: Int64) {
    state.withLock {
      $0.live.take(reading, isStoreWell: standing.trouble == nil, now: now)
      $0.day.take(reading, isStoreWell: standing.trouble == nil, now: now)
      $0.standing = standing
      $0.texts = [:]
    }
  }

  /// - Parameter path: `/series/day`, `/series/live`, or `/series/now`: the latest point and how the server stands.
  func page(_ path: String) -> String? {
    state.withLock { state in
      if let text = state.texts[path] { return text }
      let value: JSONValue
      switch path {
      case "/series/day": value = state.day.json
      case "/series/live": value = state.live.json
      case "/series/now":
        value = .object([
          ("step", .integer(state.live.step)), ("point", state.live.latest?.json ?? .null),
          ("server", state.standing?.json ?? .null),
        ])
      default: return nil
      }
      let text = value.text
      state.texts[path] = text
      return text
    }
  }
}

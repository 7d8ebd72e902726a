public import Jobs
import Synchronization

/// Connections for people's calls: one for each that is under way, of which a few are kept for the next.
public final class PeopleSessions<Session: Sendable>: Sendable {
  private let state = Mutex((idle: [Session](), isClosed: false))
  private let keptIdle = 4
  private let make: @Sendable () -> Session
  private let end: @Sendable (Session) -> Void

  public init(make: @escaping @Sendable () -> Session, end: @escaping @Sendable (Session) -> Void) {
    self.make = make
    self.end = end
  }

  public func close() {
    let idle = state.withLock { state in
      defer { state = ([], true) }
      return state.idle
    }
    idle.forEach(end)
  }

  public func with<T>(_ body: (Session) throws(StoreError) -> T) throws(StoreError) -> T {
    let session = state.withLock { $0.idle.popLast() } ?? make()
    defer {
      let isKept = state.withLock { state in
        if state.isClosed || state.idle.count >= keptIdle { return false }
        state.idle.append(session)
        return true
      }
      if !isKept { end(session) }
    }
    return try body(session)
  }
}

/// What a storage's own connection told when it was made.
public final class ConnectionFacts: Sendable {
  private let state = Mutex((id: Int64(0), weaknesses: [String]()))

  public init() {}

  /// The database's number of it.
  public var id: Int64 { state.withLock { $0.id } }
  public var weaknesses: [String] { state.withLock { $0.weaknesses } }

  /// The weaknesses are told when they are others than before.
  public func set(id: Int64, weaknesses: [String], warn: (String) -> Void) {
    let isNews = state.withLock { state in
      defer { state = (id, weaknesses) }
      return state.weaknesses != weaknesses
    }
    if isNews { weaknesses.forEach(warn) }
  }
}

extension JobQuery {
  /// The first page that has jobs, of a few that one call looks through before it gives an empty one.
  public func page(
    _ read: (JobQuery) throws(StoreError) -> (jobs: [StoredJob], next: Int64?)
  ) throws(StoreError) -> JobPage {
    var query = self
    var left = 10
    while true {
      let page = try read(query)
      left -= 1
      if page.next == nil || !page.jobs.isEmpty || left == 0 {
        return JobPage(jobs: page.jobs.map(\.record), next: page.next)
      }
      query.before = page.next
    }
  }
}

/// What somebody may do; one may have several. Docs/security.md has the same table, and a test holds the two together.
public enum Role: String, CaseIterable, Sendable {
  case producer
  case worker
  case watcher
  case `operator`
  case admin

  public static let words = allCases.map(\.rawValue).joined(separator: ", ")
}

/// Several roles.
public struct RoleSet: OptionSet, Hashable, Sendable {
  public let rawValue: UInt8

  public init(rawValue: UInt8) { self.rawValue = rawValue }

  public init(_ roles: some Sequence<Role>) { self = roles.reduce(into: []) { $0.formUnion(RoleSet($1)) } }

  private init(_ role: Role) {
    self.init(rawValue: 1 << UInt8(Role.allCases.firstIndex(of: role) ?? 0))
  }

  public static let all = RoleSet(Role.allCases)

  public var roles: [Role] { Role.allCases.filter { contains(RoleSet($0)) } }

  public func contains(_ role: Role) -> Bool { contains(RoleSet(role)) }
}

/// Which roles may call what.
public enum AccessTable {
  /// "Enqueue" ...: the roles of each call of gkick.v1. An admin may call everything.
  public static let roles: [String: RoleSet] = {
    var table: [String: RoleSet] = [:]
    func allow(_ role: Role, _ calls: [String]) {
      for call in calls { table[call, default: RoleSet([.admin])].formUnion(RoleSet([role])) }
    }
    let watcher = [
      "GetJob", "ListJobs", "WaitJob", "ExplainJob", "StreamEvents", "GetBatch", "ListBatches", "ListQueues",
      "ListWorkers", "ListServers", "ListRecurringJobs", "PreviewRecurringJob", "ListLimits",
    ]
    for role in Role.allCases { allow(role, ["GetServerInfo"]) }
    allow(
      .producer,
      [
        "Enqueue", "Schedule", "EnqueueBatch", "EnqueueStream", "GetJob", "ListJobs", "WaitJob", "ExplainJob",
        "CancelJob", "StreamEvents", "PutBatch", "GetBatch", "ListBatches", "CancelBatch",
      ])
    allow(.worker, ["Work", "Fetch", "Report", "GetJob"])
    allow(.watcher, watcher)
    allow(.operator, watcher)
    allow(
      .operator,
      [
        "CancelJob", "RetryJob", "DeleteJob", "RetryJobs", "ChangeJobs", "PauseQueue", "ResumeQueue", "PurgeQueue",
        "DeleteQueue", "DrainWorker", "CancelBatch", "PutRecurringJob", "DeleteRecurringJob", "TriggerRecurringJob",
        "PutLimit", "DeleteLimit",
      ])
    return table
  }()

  /// Of a path, "/gkick.v1.JobService/Enqueue"; nil: it is no call of gkick.v1, or one that nobody was given: an admin's.
  public static func roles(ofPath path: String) -> RoleSet? {
    guard path.hasPrefix("/gkick.v1."), let slash = path.lastIndex(of: "/") else { return nil }
    return roles[String(path[path.index(after: slash)...])] ?? RoleSet([.admin])
  }
}

import Access
import Engine
import Jobs
public import RPC

/// A call whose change is told: in the log when it ends, and as an event with the change itself.
final class AuditedAccess {
  let grant: Grant
  var audit: Audit

  init(grant: Grant, audit: Audit) {
    self.grant = grant
    self.audit = audit
  }
}

/// How the gateway in this process calls.
public enum GatewayCaller {
  /// No other caller can have it.
  public static let peer = Peer(address: "http")
}

/// What the caller may do. Without `--auth` there is nothing of it, and everybody may do everything.
extension ServerCall {
  /// nil: nobody asked who it is.
  var grant: Grant? {
    guard let context else { return nil }
    return context as? Grant ?? (context as? AuditedAccess)?.grant
  }

  /// The queues that the caller may know of; nil: all.
  var scope: QueueScope? { context == nil ? nil : grant?.scope }

  /// Throws PERMISSION_DENIED for a queue that is not the caller's. Empty: none is named.
  func mayUse(_ queue: String, as field: String = "queue") throws(Status) {
    guard context != nil, let grant, !queue.isEmpty, !grant.scope.covers(queue) else { return }
    throw grant.deniesQueue(queue, field)
  }

  func mayUse(_ queues: [String], as field: String) throws(Status) {
    for queue in queues { try mayUse(queue, as: field) }
  }

  /// A worker takes no more than it may.
  func mayTake(_ subscriptions: [Subscription]) throws(Status) {
    guard context != nil, let grant else { return }
    for subscription in subscriptions where !grant.scope.covers(subscription.pattern) {
      throw grant.deniesQueue(subscription.pattern.word, "queues")
    }
  }

  /// A limit on keys concerns jobs of any queue.
  func mayLimit(_ scope: Limit.Scope) throws(Status) {
    guard context != nil, let grant, !scope.isOf(grant.scope) else { return }
    if case .queue(let name) = scope { throw grant.deniesQueue(name, "queue") }
    throw Status(.permissionDenied, "a limit on keys needs the right to all queues (*), which \(grant.name) has not")
  }

  /// Where the call comes from; of one over HTTP: who asked the gateway.
  public var callerAddress: String {
    peer.address == GatewayCaller.peer.address
      ? metadata[first: Peer.callerField] ?? peer.address : peer.address
  }

  /// The command, to be told of when it has changed something, if an operator or an admin asks for it.
  /// - Parameter subject: what it is about, for the log.
  func audited(
    _ command: consuming Command, _ route: Route, _ subject: String, _ fill: (inout Audit) -> Void
  ) -> Command {
    guard context != nil, let grant, grant.roles.contains(.operator) || grant.roles.contains(.admin) else {
      return command
    }
    var audit = Audit(
      principal: grant.name, call: String(path[path.index(after: path.lastIndex(of: "/") ?? path.startIndex)...]))
    audit.subject = subject
    fill(&audit)
    context = AuditedAccess(grant: grant, audit: audit)
    return .audited(command, audit, route)
  }

  /// The same for jobs that an admin puts in.
  func audited(enqueueing group: EnqueueGroup, _ durability: Durability?, _ route: Route, count: Int) -> Command {
    audited(.enqueue(group, durability, route), route, count == 1 ? "a job" : "\(count) jobs") { audit in
      // Of several queues it is told to those only who may see all.
      guard let queue = group.jobs.first?.queue, group.jobs.allSatisfy({ $0.queue == queue }) else { return }
      audit.queue = queue
    }
  }

  /// What an audited call was about is known by now.
  func auditIs(about subject: @autoclosure () -> String) {
    guard context != nil, let audited = context as? AuditedAccess else { return }
    audited.audit.subject = subject()
  }
}

extension Grant {
  func deniesQueue(_ queue: String, _ field: String) -> Status {
    let own = scope?.patterns.map(\.word).joined(separator: ", ") ?? "*"
    return Status(.permissionDenied, "\(field): \(queue) is not among the queues of \(name), which are \(own)")
  }

  func deniesCall(_ call: String, _ roles: RoleSet) -> Status {
    let words = roles.roles.map(\.rawValue).joined(separator: ", ")
    return Status(.permissionDenied, "\(call) needs one of the roles \(words), and \(name) has none of them")
  }

  // MARK: From server to server

  /// Neither names nor patterns have spaces.
  var headerText: String {
    var words = [name, String(roles.rawValue)]
    words += scope?.patterns.map(\.word) ?? []
    return words.joined(separator: " ")
  }

  convenience init?(headerText: String) {
    let words = headerText.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
    guard words.count >= 2, Principal.isName(words[0]), let roles = UInt8(words[1]),
      words[2...].allSatisfy(Principal.isPattern)
    else { return nil }
    self.init(name: words[0], roles: RoleSet(rawValue: roles), queues: words[2...].map { QueuePattern($0) })
  }
}

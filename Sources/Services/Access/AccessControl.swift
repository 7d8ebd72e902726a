public import Access
public import Engine
public import Jobs
public import NIOCore
public import RPC

/// A change that somebody made or tried to make, for the log.
public struct AuditRecord: Sendable {
  public var audit: Audit
  public var address: String
  public var status: StatusCode
}

/// Asks of every call whose it is and whether they may; here and nowhere else. What of it concerns queues goes on with the call as its
/// `scope`, down to the engine's queries.
public final class AccessControl: ServerInterceptor {
  public struct Configuration: Sendable {
    /// Beginnings of paths that need nobody: "/grpc.health.v1.", "/grpc.reflection.".
    public var open: [String] = []
    /// Other servers that hand calls on; nil: there are none.
    public var servers: Namespace?
    public var audited: @Sendable (AuditRecord) -> Void = { _ in }
    public var refused: @Sendable (Refusal) -> Void = { _ in }
    public var now: @Sendable () -> Timestamp = { EngineHost.wallClock() }

    public init() {}
  }

  private struct Method {
    enum Need {
      case nothing
      case anybody
      case roles(RoleSet)
    }
    var need: Need
    /// "Enqueue"
    var name: String
    var lasts: Bool
  }

  private let methods: [Method]
  private let loops: [AccessLoop]
  private let refusals: Refusals
  private let configuration: Configuration

  /// Sees to the calls of all methods that are registered by now.
  /// - Parameter group: every loop of it may carry calls.
  public init(
    _ list: AccessList, over table: inout MethodTable, group: any EventLoopGroup, configuration: Configuration
  ) {
    self.configuration = configuration
    refusals = Refusals(tell: configuration.refused)
    methods = table.paths.map { path in
      let name = String(path[path.index(after: path.lastIndex(of: "/") ?? path.startIndex)...])
      let need: Method.Need
      if let roles = AccessTable.roles(ofPath: path) {
        need = .roles(roles)
      } else {
        need = configuration.open.contains { path.hasPrefix($0) } ? .nothing : .anybody
      }
      return Method(need: need, name: name, lasts: Self.lasting.contains(name))
    }
    loops = group.makeIterator().map { AccessLoop(loop: $0, list: list, now: configuration.now) }
    table.intercept(self)
  }

  private static let lasting: Set<String> = [
    "Work", "StreamEvents", "EnqueueStream", "WaitJob", "Fetch", "Watch", "ServerReflectionInfo",
  ]

  /// Starts the clock by which principals expire.
  public func start() { for one in loops { one.loop.execute { one.start() } } }

  public func stop() { for one in loops { one.loop.execute { one.stop() } } }

  /// From now on this list holds. What is open and no longer allowed ends.
  public func replace(_ list: AccessList) { for one in loops { one.loop.execute { one.set(list) } } }

  /// Refused since the start: of whom nobody knows who they are, and of those who may not.
  public var refused: (unauthenticated: UInt64, denied: UInt64) { refusals.counts }

  /// Who has this token now; nil: nobody, or nobody any more.
  public func who(has token: String) async -> Grant? {
    guard let one = loops.first else { return nil }
    return try? await one.loop.submit { one.grant(of: Array(token.utf8)) }.get()
  }

  public func callStarted(_ call: ServerCall) -> Status? {
    let method = methods[call.methodIndex]
    if case .nothing = method.need { return nil }
    guard let desk = loops.first(where: { $0.loop === call.eventLoop }) else { return .wrongLoop }
    var principal = ""
    do throws(Status) {
      let grant: Grant
      do throws(Status) {
        grant = try identify(call, desk)
      } catch {
        // Other servers are no strangers.
        if !call.isForwarded { call.refusedAt = desk.turnToRefuse() }
        throw error
      }
      principal = grant.name
      if case .roles(let roles) = method.need, grant.roles.isDisjoint(with: roles) {
        throw grant.deniesCall(method.name, roles)
      }
      call.context = grant
      if method.lasts { desk.opened(call) }
      return nil
    } catch {
      note(error, call, principal)
      return error
    }
  }

  private func identify(_ call: ServerCall, _ desk: AccessLoop) throws(Status) -> Grant {
    guard call.isForwarded, let servers = configuration.servers else { return try desk.identify(call) }
    guard servers.trusts(call) else { throw .notTrusted }
    call.isTrusted = true
    return try desk.forwarded(call.metadata[first: FrontHeader.principal] ?? "")
  }

  public func callEnded(_ call: ServerCall, status: Status) {
    guard let context = call.context else { return }
    let method = methods[call.methodIndex]
    if method.lasts, let desk = loops.first(where: { $0.loop === call.eventLoop }) { desk.ended(call) }
    if let audited = context as? AuditedAccess {
      configuration.audited(AuditRecord(audit: audited.audit, address: call.callerAddress, status: status.code))
    }
    if status.code == .permissionDenied || status.code == .unauthenticated {
      note(status, call, call.grant?.name ?? "")
    }
  }

  private func note(_ status: Status, _ call: ServerCall, _ principal: String) {
    refusals.note(
      status, call, principal: principal, second: configuration.now().microseconds / 1_000_000)
  }
}

extension Namespace {
  /// Whether another server of the store hands this call on.
  func trusts(_ call: ServerCall) -> Bool {
    guard let desk = desks.first(where: { $0.loop === call.eventLoop }) else { return false }
    return desk.trusts(call.metadata[first: FrontHeader.secret] ?? "")
  }
}

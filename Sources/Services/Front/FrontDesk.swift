import Access
import Jobs
import NIOCore
import RPC

/// What this server is for its namespace at the moment.
enum Role: Sendable {
  /// It runs the engine: these are its methods.
  case leads(MethodTable)
  /// Another does; calls go there.
  case follows
}

/// Where calls are handed on to.
struct LeaderTarget: Hashable, Sendable {
  var serverID: String
  var address: String
  /// Rises whenever it was asked anew who leads: an answer about an older one says nothing about this one.
  var number: UInt64
}

/// One connection to the leader, and how many calls are on it. Confined to its loop.
final class Way {
  private let channel: any LeaderChannel
  private var calls = 0
  /// Below what servers allow on one connection unless told otherwise.
  private static let maxCalls = 400

  init(_ channel: any LeaderChannel) { self.channel = channel }

  var hasRoom: Bool { calls < Self.maxCalls }

  func open(
    _ path: String, metadata: Metadata, options: CallOptions,
    _ makeHandler: @escaping @Sendable () -> any ClientCallHandler
  ) {
    calls += 1
    channel.open(path, metadata: metadata, options: options, makeHandler)
  }

  /// A call that was opened has ended.
  func closed() { calls -= 1 }

  func close() { channel.close() }
}

/// One event loop's side of leading and following: the way to the leader, and the calls that wait for one. Confined to its loop.
/// It makes the relays, and tells them of leaders; they ask it for the way, so they know each other.
// Sendable unchecked: what is constant is Sendable; all else is touched on `loop` only.
final class FrontDesk: @unchecked Sendable {
  let loop: any EventLoop
  private let connect: MakeLeaderChannel
  private let serverID: String
  /// Tells the namespace that the leader is not where it was thought to be.
  private let lost: @Sendable (LeaderTarget, _ isRefused: Bool) -> Void
  private(set) var role = Role.follows
  private var target: LeaderTarget?
  private var ways: [Way] = []
  private var waysLeadTo = ""
  /// Workers' streams that are handed on.
  private var workers: [ObjectIdentifier: WorkRelay] = [:]
  /// This server goes away.
  private var isDraining = false
  private var waiting: [ObjectIdentifier: (relay: any Relay, number: UInt64)] = [:]
  private var waits: UInt64 = 0
  /// Why the storage cannot be asked who leads.
  private var trouble: StoreError?
  private var secret = ""
  /// Calls that this server answers itself as the leader.
  private var own: [ObjectIdentifier: ServerCall] = [:]

  /// How long a call without a deadline of its own waits for a leader.
  private static let patience = TimeAmount.seconds(30)

  init(
    loop: any EventLoop, serverID: String, connect: @escaping MakeLeaderChannel,
    lost: @escaping @Sendable (LeaderTarget, _ isRefused: Bool) -> Void
  ) {
    self.loop = loop
    self.connect = connect
    self.serverID = serverID
    self.lost = lost
  }

  // MARK: The namespace says

  func set(_ role: Role) { self.role = role }

  /// Where the leader is; nil: nobody leads.
  func set(_ target: LeaderTarget?, secret: String) {
    self.secret = secret
    // A connection that one call has lost may be the only one: the others stay as long as the leader does.
    if let target, target.address != waysLeadTo {
      for way in ways { way.close() }
      ways = []
      waysLeadTo = target.address
    }
    self.target = target
    guard target != nil else { return }
    let ready = waiting.values
    waiting = [:]
    for (relay, _) in ready where relay.call.isOpen { seek(relay) }
  }

  private static func status(_ trouble: StoreError) -> Status {
    trouble.kind == .full ? Status(trouble) : Status(.unavailable, trouble.message, retryPushback: 1_000)
  }

  /// While there is trouble who waits for a leader is told so, at once.
  func set(trouble: StoreError?) {
    self.trouble = trouble
    guard let trouble else { return }
    for (id, one) in waiting where !one.relay.stays {
      waiting[id] = nil
      one.relay.giveUp(Self.status(trouble))
    }
  }

  // MARK: Calls come

  /// Compared in a time that does not tell how much of it was right.
  func trusts(_ text: String) -> Bool {
    !secret.isEmpty && Bytes.equal(Array(text.utf8), Array(secret.utf8))
  }

  func relay(for call: ServerCall) -> any CallHandler {
    switch call.path {
    case "/gkick.v1.WorkerService/Work":
      // One that was told to go and is back at once would be told so again and again, for as long as the end may take.
      if isDraining {
        call.finish(.shuttingDown)
        return DeadHandler()
      }
      let relay = WorkRelay(call, self)
      workers[ObjectIdentifier(relay)] = relay
      return relay
    case "/gkick.v1.JobService/StreamEvents": return EventRelay(call, self)
    default:
      if call.kind == .unary {
        return UnaryRelay(call, self, isRepeatable: Self.repeatable.contains(Self.name(of: call.path)))
      } else {
        return StreamRelay(call, self)
      }
    }
  }

  private static func name(of path: String) -> Substring {
    path[path.index(after: path.lastIndex(of: "/") ?? path.startIndex)...]
  }

  /// What may be asked twice without harm: it only looks, or the second time finds what the first has done. A Fetch whose jobs were
  /// lost on the way is like one whose caller has gone: their leases end. An outcome that was stored already is refused as not held the
  /// second time, as it would be if its worker said it again.
  private static let repeatable: Set<Substring> = [
    "GetJob", "ListJobs", "WaitJob", "ExplainJob", "GetBatch", "ListBatches", "ListQueues", "PauseQueue", "ResumeQueue",
    "ListWorkers", "DrainWorker", "PutRecurringJob", "ListRecurringJobs", "PreviewRecurringJob", "ListLimits",
    "PutLimit",
    "Fetch", "Report",
  ]

  func opened(_ call: ServerCall) { own[ObjectIdentifier(call)] = call }

  func ended(_ call: ServerCall) { own[ObjectIdentifier(call)] = nil }

  /// The engine has stopped: nobody answers these any more. Fronts ask the next leader for what may be asked again.
  func endOwn() {
    let calls = own.values
    own = [:]
    for call in calls where call.isOpen {
      let isWatcher = call.path.hasSuffix("/Work") || call.path.hasSuffix("/StreamEvents")
      let mayAsk = isWatcher || Self.repeatable.contains(Self.name(of: call.path))
      call.finish(mayAsk ? .notLeading : .lostOnTheWay)
    }
  }

  // MARK: Relays ask

  /// Hands the relay a way to the leader, now or when there is one.
  func seek(_ relay: any Relay) {
    if let target {
      do {
        return relay.go(try way(to: target), target)
      } catch {
        return relay.giveUp(Status(.unavailable, "no way to the server that leads, \(target.address): \(error)"))
      }
    }
    if let trouble, !relay.stays { return relay.giveUp(Self.status(trouble)) }
    let id = ObjectIdentifier(relay)
    waits += 1
    let number = waits
    waiting[id] = (relay, number)
    if relay.stays || relay.call.deadline != nil { return }
    let bound = NIOLoopBound(self, eventLoop: loop)
    loop.scheduleTask(in: Self.patience) {
      guard let late = bound.value.waiting[id], late.number == number else { return }
      bound.value.waiting[id] = nil
      late.relay.giveUp(.noLeader)
    }
  }

  /// A connection carries only so many calls at once, and workers' streams stay: there are as many as it takes.
  private func way(to target: LeaderTarget) throws -> Way {
    if let way = ways.first(where: { $0.hasRoom }) { return way }
    let way = Way(try connect(target.address, loop))
    ways.append(way)
    return way
  }

  func leave(_ relay: any Relay) {
    waiting[ObjectIdentifier(relay)] = nil
    workers[ObjectIdentifier(relay)] = nil
  }

  /// This server goes away: workers are told, and none is taken any more.
  /// - Returns: how many there are.
  func drain() -> Int {
    isDraining = true
    for relay in workers.values { relay.drain() }
    return workers.count
  }

  /// A call of it ended as if the leader were gone.
  /// - Parameter isRefused: there was no connection to be had: it is likely to be dead.
  func lost(_ target: LeaderTarget, isRefused: Bool) {
    guard target.number == self.target?.number else { return }
    self.target = nil
    lost(target, isRefused)
  }

  /// What goes along with a call that is handed on.
  func metadata(of call: ServerCall) -> Metadata {
    var metadata = call.metadata
    metadata.removeAll(FrontHeader.secret)
    metadata.removeAll(FrontHeader.address)
    metadata.removeAll(FrontHeader.server)
    metadata.removeAll(FrontHeader.principal)
    metadata.add(FrontHeader.secret, secret)
    metadata.add(FrontHeader.address, call.callerAddress)
    metadata.add(FrontHeader.server, serverID)
    if let grant = call.grant {
      metadata.add(FrontHeader.principal, grant.headerText)
      // What was shown here is nobody else's business.
      metadata.removeAll("authorization")
    }
    return metadata
  }

  func options(of call: ServerCall) -> CallOptions {
    CallOptions(timeout: call.deadline.map { max($0 - loop.now, .milliseconds(1)) }, waitForReady: false)
  }

  /// What becomes of a call whose upstream has ended.
  enum Verdict {
    /// As the leader said.
    case final
    /// It has certainly done nothing: it is asked again.
    case untouched
    /// It may have done it.
    case unknown
  }

  /// Judges an upstream's end, and tells the namespace when the leader is gone.
  func judge(_ status: Status, _ upstream: ClientCall, _ target: LeaderTarget) -> Verdict {
    if status.code == .unavailable && status.message == Status.notLeading.message
      || status.code == .unauthenticated && status.message == Status.notTrusted.message
    {
      lost(target, isRefused: false)
      return .untouched
    }
    if status.code == .unavailable, status.message == Status.lostOnTheWay.message {
      lost(target, isRefused: false)
      return .unknown
    }
    guard upstream.wasLost, status.code == .unavailable || upstream.wasSent && status.code != .deadlineExceeded else {
      return .final
    }
    lost(target, isRefused: !upstream.wasSent)
    return upstream.wasSent ? .unknown : .untouched
  }
}

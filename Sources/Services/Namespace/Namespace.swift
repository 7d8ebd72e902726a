import Glibc
public import Jobs
public import NIOCore
public import RPC
import Synchronization

/// What one leader leads, seen from one server: who leads it, this server's part in it, and where its calls go. A server that has several
/// namespaces has several of these, each with a storage of its own (or a part of one); nothing here is the process's.
///
/// A thread of its own asks the storage who leads, and says that this server is there. It never touches what the engine's term uses.
public final class Namespace: Sendable {
  public struct Configuration: Sendable {
    public var serverID: String
    public var version: String
    public var startedAt: Timestamp
    fileprivate(set) var address = ""
    fileprivate(set) var ownAddress = ""
    public var times = LeadershipTimes()
    /// For the log: what changed.
    public var tell: @Sendable (LeadershipNews) -> Void = { _ in }
    /// A test's clock, in microseconds; nil: the steady one.
    var clock: (@Sendable () -> Int64)?

    public init(serverID: String, version: String, startedAt: Timestamp) {
      self.serverID = serverID
      self.version = version
      self.startedAt = startedAt
    }
  }

  private let leadership: any Leadership
  private let configuration: Configuration
  private let begin: BeginTerm
  /// One per loop of the group.
  let desks: [FrontDesk]
  let office: Office
  private let known = Mutex(LeadershipStatus())
  private let secretText = Mutex("")
  /// Its thread runs, and will answer.
  private let hasStarted = Atomic<Bool>(false)
  /// Workers' streams that have come to this server.
  fileprivate let workers = Atomic<Int>(0)
  fileprivate static let workPath = "/gkick.v1.WorkerService/Work"

  /// - Parameter group: every loop of it may carry calls.
  public init(
    leadership: any Leadership, configuration: Configuration, group: any EventLoopGroup,
    connect: @escaping MakeLeaderChannel, begin: @escaping BeginTerm
  ) {
    self.leadership = leadership
    self.configuration = configuration
    self.begin = begin
    let office = Office(clock: configuration.clock)
    self.office = office
    var desks: [FrontDesk] = []
    for loop in group.makeIterator() {
      desks.append(
        FrontDesk(loop: loop, serverID: configuration.serverID, connect: connect) { target, isRefused in
          office.post(.lost(target, isRefused))
        })
    }
    self.desks = desks
  }

  var serverID: String { configuration.serverID }

  public var status: LeadershipStatus {
    var status = known.withLock { $0 }
    status.renewedAgo = Interval(microseconds: office.now - status.renewedAgo.microseconds)
    return status
  }

  /// The servers that are there, as of a second ago.
  public var servers: [ServerRecord] { known.withLock { $0.servers } }

  /// Starts the thread. To be called once, when the server listens.
  /// - Parameters:
  ///   - address: where the other servers reach this one.
  ///   - ownAddress: where this server reaches itself.
  public func start(address: String, ownAddress: String) {
    var configuration = configuration
    configuration.address = address
    configuration.ownAddress = ownAddress
    let ready = configuration
    let started = Thread.start("leader") { [self] in Watch(self, ready).run() }
    precondition(started, "no thread for the leadership")
    hasStarted.store(true, ordering: .releasing)
  }

  /// Gives the lead up, if this server has it, and does not take it again; calls are handed on to whoever leads next.
  public func stepDown() async { await office.ask { .stepDown($0) } }

  /// Tells the workers on this server, which does not lead, to finish; returns when none is left or `limit` has passed.
  public func drain(within limit: Duration) async {
    let end = ContinuousClock.now + limit
    while ContinuousClock.now < end {
      var left = 0
      for desk in desks { left += (try? await desk.loop.submit { desk.drain() }.get()) ?? 0 }
      if left == 0 { return }
      do { try await Task.sleep(for: .milliseconds(20)) } catch { return }
    }
  }

  /// Ends this server's part. To be called once. A server that could not begin, as its port is taken, has no part.
  public func stop() async {
    if hasStarted.load(ordering: .acquiring) { await office.ask { .stop($0) } }
  }

  // MARK: Calls

  /// Sees that calls of the registered methods under `prefix` go to whoever leads. `local`: paths that every server answers itself.
  public func take(over methods: inout MethodTable, prefix: String, local: Set<String> = []) {
    let isOurs = methods.paths.map { $0.hasPrefix(prefix) && !local.contains($0) }
    methods.detour = { [self] call in
      guard isOurs[call.methodIndex] else { return .here }
      return place(call)
    }
    methods.intercept(EndOfCalls(space: self))
  }

  private func place(_ call: ServerCall) -> MethodTable.Place {
    guard let desk = desks.first(where: { $0.loop === call.eventLoop }) else {
      call.finish(.wrongLoop)
      return .handler(DeadHandler())
    }
    if !call.isForwarded, call.path == Self.workPath { workers.add(1, ordering: .relaxed) }
    if call.isForwarded {
      let metadata = call.metadata
      guard desk.trusts(metadata[first: FrontHeader.secret] ?? "") else {
        call.finish(.notTrusted)
        return .handler(DeadHandler())
      }
      call.origin = Peer(
        address: metadata[first: FrontHeader.address] ?? call.peer.address, server: metadata[first: FrontHeader.server])
    }
    if case .leads(let methods) = desk.role {
      desk.opened(call)
      return .table(methods)
    }
    if call.isForwarded {
      call.finish(.notLeading)
      return .handler(DeadHandler())
    }
    return .handler(desk.relay(for: call))
  }

  // MARK: For the watch

  fileprivate func note(_ change: (inout LeadershipStatus) -> Void) { known.withLock { change(&$0) } }

  /// What callers are told while there is no leader to be had; nil: that one is looked for.
  fileprivate func spread(_ trouble: StoreError?) {
    for desk in desks { desk.loop.execute { desk.set(trouble: trouble) } }
  }

  fileprivate func spread(_ role: Role, _ target: LeaderTarget?) {
    let secret = secretText.withLock { $0 }
    for desk in desks {
      desk.loop.execute {
        desk.set(role)
        desk.set(target, secret: secret)
      }
    }
  }

  /// The thread that asks the storage.
  private final class Watch {
    private enum Phase {
      case following
      case starting(Epoch)
      case leading(Epoch, any LeadingTerm)
      /// What this server did as the leader is being ended.
      case ending
    }

    private let space: Namespace
    private let configuration: Configuration
    private var phase = Phase.following
    private var leader = ""
    private var targets: UInt64 = 0
    /// Somebody found the leader gone and waits to hear who leads.
    private var isAsked = true
    private var suspect: (id: String, until: Int64)?
    private var renewedAt: Int64 = 0
    private var announcedAt: Int64?
    private var mayLead = true
    /// After an attempt to lead that failed, another server may try first.
    private var restsUntil: Int64 = 0
    /// The storage did not answer when it was last asked who leads.
    private var isAway = false
    /// After the storage was away the one that led has so long to come back.
    private var returnsUntil: Int64 = 0
    private var steppedDown: [@Sendable () -> Void] = []
    private var stopped: [@Sendable () -> Void] = []

    init(_ space: Namespace, _ configuration: Configuration) {
      self.space = space
      self.configuration = configuration
    }

    private var times: LeadershipTimes { configuration.times }
    private var now: Int64 { space.office.now }

    func run() {
      var wait: Int64 = 0
      while true {
        for message in space.office.take(wait: wait) { hear(message) }
        if case .following = phase, !stopped.isEmpty { break }
        announce()
        step()
        // Whoever waits for a leader is not left waiting for a whole beat.
        wait = isAsked ? min(50_000, times.beat.microseconds) : times.beat.microseconds
      }
      try? space.leadership.leave(configuration.serverID)
      for done in stopped + steppedDown { done() }
    }

    private func hear(_ message: Office.Message) {
      switch message {
      case .lost(let target, let isRefused):
        isAsked = true
        if isRefused, target.serverID == leader { suspect = (target.serverID, now + 3_000_000) }
      case .deposed(let epoch):
        if epoch == self.epoch { end("another server leads by now, or the store went back to an older state") }
      case .began(let epoch, let result): began(epoch, result)
      case .ended:
        phase = .following
        isAsked = true
        steppedDown.forEach { $0() }
        steppedDown = []
      case .stepDown(let done):
        mayLead = false
        if case .following = phase { done() } else { steppedDown.append(done) }
        resign()
      case .stop(let done):
        mayLead = false
        stopped.append(done)
        resign()
      }
    }

    private var epoch: Epoch? {
      switch phase {
      case .starting(let epoch), .leading(let epoch, _): epoch
      case .following, .ending: nil
      }
    }

    // MARK: Asking the storage

    private func announce() {
      if let announcedAt, now - announcedAt < times.announcement.microseconds { return }
      do throws(StoreError) {
        let clock = Timestamp(microseconds: WallClock.read(CLOCK_REALTIME))
        try space.leadership.announce(
          ServerRecord(
            id: configuration.serverID, address: configuration.address, version: configuration.version,
            startedAt: configuration.startedAt, lastSeenAt: clock,
            workers: UInt32(clamping: space.workers.load(ordering: .relaxed))))
        let secret = try space.leadership.secret()
        // As hexadecimal digits: it may be any bytes, and goes along in a header.
        let text = secret.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        let isNew = space.secretText.withLock { known in
          defer { known = text }
          return known != text
        }
        // Of a store that was made anew: calls are handed on with it from now on.
        if isNew { isAsked = true }
        let servers = try space.leadership.servers()
        space.note { $0.servers = servers }
        announcedAt = now
        storageAnswers()
      } catch {
        failed(error)
      }
    }

    private func step() {
      switch phase {
      case .following: seek()
      case .starting(let epoch): renew(epoch)
      case .leading(let epoch, let term):
        // Others can do what this one cannot, and would wait for as long as it says that it leads.
        if term.standsStill(now: now) { return end("the engine does not move") }
        // Calls that this server handed on before, to itself or another, find it.
        if isAsked { spreadLead(term) }
        renew(epoch)
      case .ending: break
      }
    }

    private func seek() {
      if now < restsUntil { return }
      do throws(StoreError) {
        if !mayLead || now < returnsUntil {
          // Only to hear who leads.
          let servers = try space.leadership.servers()
          if let other = servers.first(where: { $0.leads && $0.id != configuration.serverID }) {
            follow(other.id, other.address)
          }
          return
        }
        let isSuspect = suspect.map { $0.id == leader && now < $0.until } ?? false
        switch try space.leadership.seek(configuration.serverID, term: isSuspect ? times.quickTerm : times.term) {
        case .here(let epoch): take(epoch)
        case .elsewhere(let id, let address): follow(id, address)
        }
      } catch {
        failed(error)
      }
    }

    private func follow(_ id: String, _ address: String) {
      renewedAt = now
      let renewedAt = renewedAt
      space.note { $0.renewedAgo = Interval(microseconds: renewedAt) }
      storageAnswers()
      if id == leader, !isAsked { return }
      if id != leader {
        leader = id
        suspect = nil
        configuration.tell(.follows(id, address))
        space.note { status in
          status.leads = false
          status.leaderID = id
          status.leaderAddress = address
          status.since = Timestamp(microseconds: WallClock.read(CLOCK_REALTIME))
        }
      }
      // One that has not announced itself yet, as on a store that was made anew, is asked for again.
      isAsked = address.isEmpty
      if address.isEmpty { return }
      targets += 1
      space.spread(.follows, LeaderTarget(serverID: id, address: address, number: targets))
    }

    private func renew(_ epoch: Epoch) {
      do throws(StoreError) {
        try space.leadership.renew(configuration.serverID, epoch: epoch)
        renewedAt = now
        let renewedAt = renewedAt
        space.note { $0.renewedAgo = Interval(microseconds: renewedAt) }
        storageAnswers()
      } catch {
        if error.kind == .deposed { return end(error.message) }
        // It goes on until it hears that another leads: the storage may be away for all. Its engine takes nothing then and gives nothing out,
        // and workers keep their streams and what they hold. Whatever it still tries to write after another has begun is refused.
        failed(error)
      }
    }

    /// - Parameter isAway: it is the storage that failed, not this server that cannot begin with it.
    private func failed(_ error: StoreError, isAway: Bool = true) {
      self.isAway = self.isAway || isAway
      let isNews = space.known.withLock { status in
        defer { status.failure = error }
        return status.failure == nil
      }
      if isNews {
        configuration.tell(.failing(error))
        space.spread(error)
      }
    }

    private func storageAnswers() {
      let wasAway = space.known.withLock { status in
        defer { status.failure = nil }
        return status.failure != nil
      }
      if !wasAway { return }
      space.spread(nil)
      // Whoever led may not have been heard because of that alone, and has workers on it: it may come first.
      if isAway, leader != configuration.serverID { returnsUntil = now + times.announcement.microseconds }
      isAway = false
    }

    // MARK: Leading

    private func take(_ epoch: Epoch) {
      renewedAt = now
      leader = configuration.serverID
      suspect = nil
      phase = .starting(epoch)
      configuration.tell(.starts(epoch))
      let renewedAt = renewedAt
      space.note { status in
        status.isStarting = true
        status.leaderID = configuration.serverID
        status.leaderAddress = configuration.address
        status.epoch = epoch
        status.renewedAgo = Interval(microseconds: renewedAt)
      }
      storageAnswers()
      space.spread(.follows, nil)
      let (office, begin) = (space.office, space.begin)
      // Not here: the lead must be renewed while the state is loaded.
      Task {
        do {
          let term = try await begin(epoch) { office.post(.deposed(epoch)) }
          office.post(.began(epoch, .success(term)))
        } catch {
          office.post(.began(epoch, .failure(error)))
        }
      }
    }

    private func began(_ epoch: Epoch, _ result: Result<any LeadingTerm, any Error>) {
      guard case .starting(epoch) = phase else {
        // It was ended meanwhile.
        if case .success(let term) = result { stop(term) } else { space.office.post(.ended) }
        return
      }
      switch result {
      case .success(let term):
        phase = .leading(epoch, term)
        space.note { status in
          status.leads = true
          status.isStarting = false
          status.since = Timestamp(microseconds: WallClock.read(CLOCK_REALTIME))
        }
        spreadLead(term)
        configuration.tell(.leads(epoch))
        if !mayLead { resign() }
      case .failure(let error):
        configuration.tell(.cannotLead(error))
        try? space.leadership.resign(configuration.serverID, epoch: epoch)
        restsUntil = now + 1_000_000
        if let error = error as? StoreError { failed(error, isAway: false) }
        follows()
        phase = .following
      }
    }

    private func spreadLead(_ term: any LeadingTerm) {
      isAsked = false
      targets += 1
      space.spread(
        .leads(term.methods),
        LeaderTarget(serverID: configuration.serverID, address: configuration.ownAddress, number: targets))
    }

    private func follows() {
      leader = ""
      space.note { status in
        status.leads = false
        status.isStarting = false
        status.leaderID = ""
        status.leaderAddress = ""
        status.since = Timestamp(microseconds: WallClock.read(CLOCK_REALTIME))
      }
      space.spread(.follows, nil)
    }

    /// No more leads here, whatever the reason.
    private func end(_ reason: String) {
      configuration.tell(.ended(reason))
      follows()
      switch phase {
      case .leading(_, let term):
        phase = .ending
        stop(term)
      // What is being loaded is ended as soon as it is there.
      case .starting: phase = .ending
      case .following, .ending: break
      }
    }

    private func stop(_ term: any LeadingTerm, then: (@Sendable () -> Void)? = nil) {
      let office = space.office
      let desks = space.desks
      Task {
        await term.stop()
        for desk in desks { desk.loop.execute { desk.endOwn() } }
        then?()
        office.post(.ended)
      }
    }

    /// This server goes: what it has decided is written first, then another may lead at once.
    private func resign() {
      guard case .leading(let epoch, let term) = phase else { return }
      follows()
      phase = .ending
      configuration.tell(.ended("this server ends"))
      let leadership = space.leadership
      let id = configuration.serverID
      stop(term) { try? leadership.resign(id, epoch: epoch) }
    }
  }
}

/// Sees calls end that this server answers itself, and tells the namespace, which has its methods intercepted by this.
private struct EndOfCalls: ServerInterceptor {
  let space: Namespace

  func callEnded(_ call: ServerCall, status: Status) {
    if !call.isForwarded, call.path == Namespace.workPath { space.workers.subtract(1, ordering: .relaxed) }
    for desk in space.desks where desk.loop === call.eventLoop { return desk.ended(call) }
  }
}

import Engine
import Jobs
import Logging
import NIOCore
import RPC
import Services
import Synchronization

/// The engine of a server: its own all the time, or, on a store that several servers share, whenever it leads.
final class Engines: Sendable {
  private enum Part {
    case alone(EngineHost)
    case shared(Namespace, any Storage)
  }

  private let part: Part
  private let settings: ServerSettings
  private let logger: Logger
  private let observer: (any JobObserver)?

  /// Registers the methods of gkick.v1.
  init(
    _ storage: any Storage, settings: ServerSettings, serverID: String, startedAt: Timestamp,
    group: any EventLoopGroup, zones: any TimeZoneSource, observer: (any JobObserver)? = nil, logger: Logger,
    methods: inout MethodTable
  ) throws {
    self.settings = settings
    self.observer = observer
    self.logger = logger
    var engine = EngineConfiguration()
    engine.serverID = serverID
    engine.lease = settings.storeTerms.lease
    engine.durability = settings.durability
    let services = ServicesConfiguration(
      serverID: serverID, version: Version.text,
      address: settings.listen.first.map { String(describing: $0) } ?? "", storeKind: storage.kind,
      startedAt: startedAt, maxPayload: settings.maxPayload, zones: zones)
    guard let leadership = storage.leadership else {
      let host = try EngineHost(
        storage: storage, terms: settings.storeTerms, configuration: engine,
        seed: UInt64.random(in: .min ... .max), group: group, zones: zones)
      part = .alone(host)
      Services.register(into: &methods, host: host, configuration: services)
      return
    }
    var configuration = Namespace.Configuration(serverID: serverID, version: Version.text, startedAt: startedAt)
    let place = Place()
    configuration.tell = { news in
      switch news {
      case .follows, .leads: place.changes.add(1, ordering: .relaxed)
      case .starts, .cannotLead, .ended, .failing: break
      }
      Self.log(news, logger)
    }
    let terms = settings.storeTerms
    let engineConfiguration = engine
    let namespace = Namespace(
      leadership: leadership, configuration: configuration, group: group,
      connect: { (address, loop) throws in try LeaderClient(address, loop, settings: settings) },
      begin: { epoch, deposed in
        let term = try EngineTerm(
          storage: storage, epoch: epoch, deposed: deposed, terms: terms, engine: engineConfiguration,
          services: services, group: group, observer: observer)
        place.host.withLock { $0 = term.host }
        place.watched.withLock { $0 = term.host }
        if let recurring = place.recurring.withLock({ $0 }) {
          Task {
            do throws(StoreError) {
              try await term.host.replaceRecurring(recurring)
            } catch {
              logger.error("the recurring jobs of --cron-file were not put", metadata: ["error": "\(error)"])
            }
          }
        }
        return Tenure(term: term, place: place)
      })
    part = .shared(namespace, storage)
    self.place.withLock { $0 = place }
    Services.registerPlaces(into: &methods)
    namespace.registerOwn(into: &methods, services)
  }

  /// The host of the term that this server leads, if it does.
  private final class Place: Sendable {
    let host = Mutex<EngineHost?>(nil)
    /// The same, until its threads have ended too.
    let watched = Mutex<EngineHost?>(nil)
    /// How often who leads was seen to change.
    let changes = Atomic<UInt64>(0)
    /// Of this server's `--cron-file`: put by it whenever it begins to lead.
    let recurring = Mutex<RecurringDocument?>(nil)
  }
  private let place = Mutex<Place?>(nil)

  private struct Tenure: LeadingTerm {
    let term: EngineTerm
    let place: Place
    var methods: MethodTable { term.methods }
    func standsStill(now: Int64) -> Bool { term.standsStill(now: now) }

    func stop() async {
      place.host.withLock { $0 = nil }
      // One that hangs never comes to its end: it is for the watchdog.
      await term.stop()
      place.watched.withLock { if $0 === term.host { $0 = nil } }
    }
  }

  /// When all methods are registered.
  func finish(_ methods: inout MethodTable) {
    if case .shared(let namespace, _) = part {
      namespace.take(over: &methods, prefix: "/gkick.v1.", local: Namespace.ownPaths)
    }
  }

  /// The engine that runs here now; nil: this server does not lead.
  var host: EngineHost? {
    if case .alone(let host) = part { return host }
    return place.withLock { $0 }?.host.withLock { $0 }
  }

  /// Whose threads the watchdog looks after: an engine that runs here, or is ending.
  var watchedHost: EngineHost? {
    if case .alone(let host) = part { return host }
    return place.withLock { $0 }?.watched.withLock { $0 }
  }

  /// Where several servers share the store.
  var namespace: Namespace? { if case .shared(let namespace, _) = part { namespace } else { nil } }

  var leadership: LeadershipStatus? {
    if case .shared(let namespace, _) = part { namespace.status } else { nil }
  }

  var leaderChanges: UInt64 { place.withLock { $0 }?.changes.load(ordering: .relaxed) ?? 0 }

  func start() {
    guard case .alone(let host) = part else { return }
    host.start(observer: observer)
    host.writeUnattended { NoticeChannel.open($0, $1, $2) }
  }

  /// The server listens: the others may know.
  func join(_ bound: [SocketAddress]) throws {
    guard case .shared(let namespace, _) = part else { return }
    let address = bound.first { $0.port != nil }
    guard let port = address?.port, let ip = address?.ipAddress else {
      throw StartFailure("a store that servers share needs a --listen HOST:PORT, so that they can reach each other")
    }
    let isWildcard = ip == "0.0.0.0" || ip == "::"
    let own = Endpoint.host(isWildcard ? (ip == "::" ? "::1" : "127.0.0.1") : ip, port: port)
    let advertised = settings.advertise ?? (isWildcard ? Endpoint.host(ServerRuntime.hostName, port: port) : own)
    namespace.start(address: advertised.description, ownAddress: own.description)
  }

  /// The recurring jobs of `--cron-file`, as a whole: put at once where the engine is here, and whenever this server begins to lead.
  func replaceRecurring(_ document: RecurringDocument) async throws(StoreError) {
    place.withLock { $0 }?.recurring.withLock { $0 = document }
    try await host?.replaceRecurring(document)
  }

  // MARK: How it stands

  /// The host that is there from start to end.
  private var ownHost: EngineHost? { if case .alone(let host) = part { host } else { nil } }

  /// Why the storage does not do its work; nil: it does.
  var trouble: StoreError? { host?.storageTrouble ?? leadership?.failure }

  var hasStopped: Bool { ownHost?.hasStopped ?? false }

  var readiness: (isReady: Bool, text: String) {
    if let trouble = host?.storageTrouble { return (false, "the store fails: \(trouble)") }
    guard let status = leadership else { return (true, "ok") }
    let ago = IntervalText.format(Interval(microseconds: status.renewedAgo.microseconds / 1_000 * 1_000))
    let since = TimestampText.text(status.since)
    if let failure = status.failure { return (false, "the store fails: \(failure)") }
    if status.leads { return (true, "ok: this server leads since \(since), renewed \(ago) ago") }
    if status.leaderID.isEmpty || status.isStarting { return (false, "no server leads") }
    return (true, "ok: \(status.leaderID) leads at \(status.leaderAddress) since \(since), asked \(ago) ago")
  }

  private static func log(_ news: LeadershipNews, _ logger: Logger) {
    switch news {
    case .follows(let id, let address):
      logger.info("another server leads", metadata: ["leader": "\(id)", "address": "\(address)"])
    case .starts(let epoch): logger.info("this server is to lead", metadata: ["epoch": "\(epoch.number)"])
    case .leads(let epoch): logger.info("this server leads", metadata: ["epoch": "\(epoch.number)"])
    case .cannotLead(let error): logger.error("this server cannot lead", metadata: ["error": "\(error)"])
    case .ended(let reason): logger.warning("this server leads no more", metadata: ["reason": "\(reason)"])
    // ServerRuntime tells of a store that fails, whoever leads.
    case .failing: break
    }
  }

  // MARK: The end

  /// With other servers there, they lead on at once and this one hands on what its callers still have to say; alone, workers finish here.
  func drain(within limit: Duration) async {
    switch part {
    case .alone(let host): await host.drain(within: limit)
    case .shared(let namespace, _):
      guard namespace.hasOthers else {
        await host?.drain(within: limit)
        return
      }
      await namespace.stepDown()
      await namespace.drain(within: limit)
    }
  }

  func stop() async throws {
    switch part {
    case .alone(let host): try await host.stop()
    case .shared(let namespace, let storage):
      await namespace.stop()
      try storage.close()
    }
  }
}

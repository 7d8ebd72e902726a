import Engine
import Gateway
import Glibc
import Jobs
import Logging
import NIOCore
import NIOPosix
import RPC
import RPCServices
import RPCTransport
import Services
import Synchronization
import Telemetry
import Wire

/// One server from its settings to its end.
final class ServerRuntime: Sendable {
  private let settings: ServerSettings
  private let logger: Logger
  private let startedAt: Timestamp
  private let group: MultiThreadedEventLoopGroup
  /// What comes over HTTP is worked on by a thread of its own, from its bytes to the engine: health is told whatever the other loops do.
  private let httpGroup: MultiThreadedEventLoopGroup
  private let engines: Engines
  private let health = HealthStatus()
  private let server: RPCServer
  /// What JSON over HTTP is served by, on its own loop.
  private let inProcess: [InProcessTransport]
  private let calls: CallMetrics
  /// nil: without --auth.
  private let access: AccessSide?
  private let notices: PeerNotices
  private let watchdog: Watchdog
  private let series = SeriesDesk()
  private let serverID: String
  private let storeKind: String
  private let storeFindings: Int
  private let zones: ZoneFolder
  /// nil: nothing is traced.
  private let tracing: Tracing?
  private let isDraining = Atomic(false)

  /// Opens the store and builds everything; nothing listens yet.
  init(settings: ServerSettings, logger: Logger) async throws {
    self.settings = settings
    self.logger = logger
    startedAt = EngineHost.wallClock()
    guard Codec.fitsLibrary else {
      throw StoreError(
        .unusable, "this libprotobuf-c keeps texts otherwise than gKick relies on: put version 1.4 in its place")
    }

    let reading =
      if let path = settings.access.file { try await AccessSide.read(path) } else { nil as AccessSide.Reading? }
    let storage = try StoreFactory.await(settings, logger: logger)
    storeKind = storage.kind
    storeFindings = storage.openFindings.count
    group = MultiThreadedEventLoopGroup(numberOfThreads: settings.loops)
    httpGroup = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let callers = LoopList([group, httpGroup])
    let zones = ZoneFolder(settings.tzdata)
    self.zones = zones
    let serverID = Self.makeID()
    self.serverID = serverID
    tracing = try Tracing(
      settings.telemetry, serverID: serverID, reader: storage.reader, group: group, logger: logger)
    var methods = MethodTable()
    engines = try Engines(
      storage, settings: settings, serverID: serverID, startedAt: startedAt, group: callers, zones: zones,
      observer: tracing?.telemetry, logger: logger, methods: &methods)
    HealthService(health).register(in: &methods)
    ReflectionService(try DescriptorIndex([Descriptors.gkick, DescriptorIndex.standardServices])).register(in: &methods)
    for service in ["JobService", "WorkerService", "AdminService"] { health.set(.serving, for: "gkick.v1." + service) }
    calls = CallMetrics(paths: methods.paths)
    methods.intercept(calls)
    let (servers, loops) = (engines.namespace, callers)
    access =
      if let path = settings.access.file, let reading {
        AccessSide(
          path, reading, open: settings.access.open, servers: servers, methods: &methods, group: loops, logger: logger)
      } else { nil }
    engines.finish(&methods)
    let table = methods
    inProcess = httpGroup.makeIterator().map {
      InProcessTransport(methods: table, eventLoop: $0, peer: HTTPSide.peer, configuration: settings.inProcess)
    }
    let notices = PeerNotices(logger)
    self.notices = notices
    server = try RPCServer(
      configuration: settings.transport, methods: methods, group: group, logger: logger,
      tellOfPeer: { notices.tell($0, $1) })
    watchdog = Watchdog(
      server.pulses.map { loop in .init(pulse: { loop.pulse }, knock: loop.knock) }
        + [
          .init(
            pulse: { [engines] in engines.watchedHost?.pulse }, knock: { [engines] in engines.watchedHost?.knock() },
            isRepeated: true
          )
        ],
      limit: settings.watchdog.microseconds > 0 ? settings.watchdog.microseconds / 1_000 : nil, logger: logger)
  }

  /// Serves until a wish to end comes, then drains.
  func run(_ wishes: AsyncStream<Signals.Wish>) async throws {
    tracing?.start()
    engines.start()
    watchdog.start()
    access?.start()
    var http: HTTPSide?
    do {
      // Before anybody is served: whoever asks finds all that there is.
      try await readRecurring()
      var bound: [SocketAddress] = []
      for endpoint in settings.listen { bound.append(try await listen(on: endpoint)) }
      try engines.join(bound)
      http = try await startHTTP()
    } catch {
      await server.shutdownGracefully(within: .zero)
      try? await engines.stop()
      throw error
    }
    announce(http)
    let watch = Task { await watchStorage() }
    let sampler = settings.http == nil ? nil : Task { await sample() }
    defer {
      watch.cancel()
      sampler?.cancel()
    }
    for await wish in wishes {
      switch wish {
      case .reload:
        reload()
        await reloadRecurring()
      case .end:
        try await end(http)
        return
      }
    }
  }

  /// Tells once when the storage fails, and once when it is well again.
  private func watchStorage() async {
    var watch = StoreWatch()
    while !Task.isCancelled {
      switch watch.look(engines.trouble, at: .now) {
      case .fails(let error):
        logger.error(
          "the store fails: nothing is taken and no job is given out until it is well",
          metadata: ["error": "\(error)"])
      case .isWell(let after): logger.notice("the store is well again", metadata: ["after": "\(after)"])
      case nil: break
      }
      do { try await Task.sleep(for: StoreWatch.interval) } catch { return }
    }
  }

  /// Reads the engine's figures for the series, at the end of each step.
  private func sample() async {
    while !Task.isCancelled {
      let now = EngineHost.wallClock().microseconds
      let step = SeriesDesk.liveStep * 1_000_000
      do { try await Task.sleep(for: .microseconds(step - now % step + 1_000)) } catch { return }
      let leadership = engines.leadership
      let leads = leadership?.leads ?? true
      series.take(
        await engines.host?.statistics().map { SeriesReading($0.engine) },
        .init(
          serverID: serverID, leaderID: leadership?.leaderID ?? serverID, leads: leads, store: storeKind,
          trouble: engines.trouble.map { "\($0)" }),
        now: EngineHost.wallClock().microseconds / 1_000_000)
    }
  }

  private func listen(on endpoint: Endpoint) async throws -> SocketAddress {
    do {
      return try await server.bind(endpoint.listenAddress)
    } catch {
      throw StartFailure(listen: "--listen", on: endpoint, error)
    }
  }

  private func announce(_ http: HTTPSide?) {
    for warning in settings.warnings { logger.warning("\(warning)") }
    if let lack = zones.lack { logger.warning("recurring jobs: \(lack)") }
    logger.info(
      "gkick \(Version.text) serves",
      metadata: [
        "listen": "\(settings.listen.map(\.description).joined(separator: ","))",
        "auth": "\(settings.access.file ?? "none")",
        "tls": "\(settings.tls == nil ? "none" : settings.tls?.clientAuthorities == nil ? "server" : "mutual")",
        "store": "\(settings.store)", "durability": "\(settings.durability)",
        "http": "\(http == nil ? "none" : settings.http?.description ?? "none")", "pid": "\(getpid())",
      ])
  }

  /// The recurring jobs of --cron-file become what it says.
  private func readRecurring() async throws {
    guard let path = settings.cronFile else { return }
    let document = try CronFile.read(
      path, zones: zones, maxPayload: settings.maxPayload, now: EngineHost.wallClock())
    do {
      try await engines.replaceRecurring(document)
    } catch {
      throw StartFailure("--cron-file \(path): the store does not take it: \(error)")
    }
    logger.info("recurring jobs read", metadata: ["file": "\(path)", "jobs": "\(document.entries.count)"])
  }

  private func reloadRecurring() async {
    do {
      try await readRecurring()
    } catch {
      logger.error("the recurring jobs stay as they were", metadata: ["error": "\(error)"])
    }
  }

  private func reload() {
    access?.reload()
    guard settings.tls != nil else { return }
    do {
      try server.reloadCertificates()
      logger.info("certificates read again")
    } catch {
      logger.error("the certificates stay as they were", metadata: ["error": "\(error)"])
    }
  }

  /// Workers are told and their last outcomes taken, listeners closed, everything synced.
  private func end(_ http: HTTPSide?) async throws {
    logger.info("draining", metadata: ["limit": "\(IntervalText.format(settings.drainTimeout))"])
    isDraining.store(true, ordering: .relaxed)
    health.shutdown()
    await engines.drain(within: .microseconds(settings.drainTimeout.microseconds))
    await server.shutdownGracefully(within: .seconds(2))
    await http?.stop()
    access?.stop()
    watchdog.stop()
    try await engines.stop()
    await tracing?.stop()
    try await group.shutdownGracefully()
    try await httpGroup.shutdownGracefully()
    logger.info("ended")
  }

  // MARK: - HTTP

  private func startHTTP() async throws -> HTTPSide? {
    guard case .host(let name, let port)? = settings.http else { return nil }
    do {
      var gateway = settings.gateway(host: name, port: port)
      if settings.httpTLS { gateway.tls = server.webContext }
      gateway.tellOfStranger = { [notices] in notices.tell($0, $1) }
      if let access { gateway.whoHas = { await access.identity($0) } }
      return try await HTTPSide.start(gateway, transports: inProcess, group: httpGroup, logger: logger) {
        [self] path, token in
        await page(path, token)
      }
    } catch let failure as StartFailure {
      throw failure
    } catch {
      throw StartFailure(listen: "--http", on: .host(name, port: port), error)
    }
  }

  private func page(_ path: String, _ token: String?) async -> GatewayPage? {
    switch path {
    case "/healthz":
      // Asks none of the threads that it is about.
      if engines.hasStopped { return .text(503, "the engine has stopped") }
      if let trouble = watchdog.trouble { return .text(503, trouble) }
      return .text(200, "ok")
    case "/readyz":
      if isDraining.load(ordering: .relaxed) { return .text(503, "draining") }
      let readiness = engines.readiness
      return .text(readiness.isReady ? 200 : 503, readiness.text)
    case "/metrics":
      if let access, !settings.access.open.contains(.metrics), let refusal = await access.refusesMetrics(token) {
        return refusal
      }
      let page = MetricsPage(
        host: await engines.host?.statistics(),
        queues: (try? await engines.host?.queues(limit: MetricsPage.maxQueues)) ?? [],
        workers: await engines.host?.workers() ?? [], limits: await engines.host?.limits() ?? [], calls: calls.rows(),
        transport: server.statistics, process: .read(), startedAt: startedAt, store: storeKind,
        leadership: engines.leadership, leaderChanges: engines.leaderChanges, isStoreWell: engines.trouble == nil,
        storeFindings: storeFindings, files: storeFiles, spans: tracing?.telemetry.figures,
        refused: access?.control.refused ?? (0, 0))
      return GatewayPage(status: 200, contentType: PrometheusText.contentType, body: page.text())
    default:
      guard let text = series.page(path) else { return nil }
      // Counts of all queues.
      if let access, let refusal = await access.refusesMetrics(token) { return refusal }
      return GatewayPage(status: 200, contentType: "application/json", body: text + "\n")
    }
  }

  private var storeFiles: StoreFiles? {
    if case .embedded(let path) = settings.store { .read(path) } else { nil }
  }

  /// For people who look at several servers: the host's name and something of its own.
  private static func makeID() -> String { hostName + "-" + String(UInt64.random(in: .min ... .max), radix: 36) }

  static var hostName: String {
    var name = [CChar](repeating: 0, count: 256)
    // Writes at most as much as the buffer holds, less one so that a NUL stays.
    unsafe name.withUnsafeMutableBufferPointer { buffer in
      if let start = buffer.baseAddress { _ = unsafe gethostname(start, buffer.count - 1) }
    }
    return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}

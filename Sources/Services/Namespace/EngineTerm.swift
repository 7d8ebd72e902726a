public import Engine
public import Jobs
public import NIOCore
public import RPC
import Synchronization

/// An engine that leads one epoch of a storage, with the methods that ask it.
public final class EngineTerm: LeadingTerm {
  public let host: EngineHost
  public let methods: MethodTable
  /// What was last seen of the engine's thread, and when that changed.
  private let seen = Mutex((beats: UInt64.max, at: Int64(0)))
  /// Microseconds.
  private static let patience: Int64 = 10_000_000

  /// Loads the state; blocks.
  public init(
    storage: any Storage, epoch: Epoch, deposed: @escaping @Sendable () -> Void, terms: StoreConfiguration,
    engine: EngineConfiguration, services: ServicesConfiguration, group: any EventLoopGroup,
    observer: (any JobObserver)? = nil
  ) throws(StoreError) {
    host = try EngineHost(
      storage: storage, epoch: epoch, deposed: deposed, terms: terms, configuration: engine,
      seed: UInt64.random(in: .min ... .max), group: group, zones: services.zones)
    var methods = MethodTable()
    Services.register(into: &methods, host: host, configuration: services)
    self.methods = methods
    host.start(observer: observer)
  }

  public func standsStill(now: Int64) -> Bool {
    let beats = host.pulse.beats
    host.knock()
    return seen.withLock { seen in
      if beats != seen.beats { seen = (beats, now) }
      return now - seen.at > Self.patience
    }
  }

  public func stop() async {
    // What could not be written was told to whoever waited for it.
    try? await host.stop()
  }
}

extension Services {
  /// All methods of gkick.v1, for a server that does not lead at the moment and so has no engine that answers them.
  public static let methods: [(path: String, kind: MethodKind)] =
    [
      "JobService": [
        "Enqueue", "Schedule", "EnqueueBatch", "GetJob", "ListJobs", "WaitJob", "CancelJob", "RetryJob", "DeleteJob",
        "ExplainJob", "PutBatch", "GetBatch", "ListBatches", "CancelBatch",
      ],
      "WorkerService": ["Fetch", "Report"],
      "AdminService": [
        "GetServerInfo", "ListServers", "ListQueues", "PauseQueue", "ResumeQueue", "PurgeQueue", "DeleteQueue",
        "RetryJobs", "ChangeJobs", "ListWorkers", "DrainWorker", "PutRecurringJob", "ListRecurringJobs",
        "DeleteRecurringJob", "TriggerRecurringJob", "PreviewRecurringJob", "PutLimit", "ListLimits", "DeleteLimit",
      ],
    ].sorted { $0.key < $1.key }.flatMap { service, names in
      names.map { (path: "/gkick.v1.\(service)/\($0)", kind: MethodKind.unary) }
    } + [
      (path: "/gkick.v1.JobService/EnqueueStream", kind: .bidirectionalStreaming),
      (path: "/gkick.v1.JobService/StreamEvents", kind: .serverStreaming),
      (path: "/gkick.v1.WorkerService/Work", kind: .bidirectionalStreaming),
    ]

  /// Registers all of them as answered by nobody: to be taken over by a namespace.
  public static func registerPlaces(into methods: inout MethodTable) {
    for method in Self.methods {
      if method.kind == .unary {
        methods.unary(method.path) { call, _ in call.finish(.noLeader) }
      } else {
        methods.stream(method.path, method.kind) { call in
          call.finish(.noLeader)
          return DeadHandler()
        }
      }
    }
  }
}

import Glibc
import Jobs
import RedisStore
import Support
import Synchronization
import Testing

/// A Redis of its own, and stores on it that know the real time.
final class RedisScene {
  let redis: RedisProcess
  private var stores: [RedisStore] = []
  private let heard = Mutex<[StoreSignal]>([])
  private let warned = Mutex<[String]>([])

  init(_ settings: [String] = []) throws { redis = try RedisProcess(settings) }

  /// The same Redis, other servers: what they hear is kept apart.
  init(onRedisOf other: RedisScene) { redis = other.redis }

  deinit { for store in stores { try? store.close() } }

  static func now() -> Timestamp {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Timestamp(microseconds: Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000)
  }
  var now: Timestamp { Self.now() }

  /// - Parameter change: what is to be different from options that make tests quick.
  func open(_ url: String? = nil, _ change: (inout RedisOptions) -> Void = { _ in }) throws -> RedisStore {
    let logs = Logs(self)
    var options = RedisOptions()
    options.connectTimeout = .milliseconds(700)
    options.replyTimeout = .milliseconds(700)
    options.reconnectDelay = .milliseconds(10)...(.milliseconds(50))
    options.beat = .milliseconds(100)
    options.warn = { text in logs.scene?.warned.withLock { $0.append(text) } }
    change(&options)
    let store = try RedisStore.open(
      url: #require(RedisURL(url ?? redis.url)), options: options, now: { Self.now() },
      signal: { signal in logs.scene?.heard.withLock { $0.append(signal) } })
    stores.append(store)
    return store
  }

  /// @unchecked: the scene outlives its stores' threads (deinit closes them), and what they reach is locked.
  private final class Logs: @unchecked Sendable {
    weak var scene: RedisScene?
    init(_ scene: RedisScene) { self.scene = scene }
  }

  var warnings: [String] { warned.withLock { $0 } }

  func hasHeard(_ match: (StoreSignal) -> Bool) -> Bool { heard.withLock { $0.contains(where: match) } }

  func waitForSignal(_ match: (StoreSignal) -> Bool) -> Bool { wait { hasHeard(match) } }

  /// Looks again and again, for ten seconds at most.
  func wait(_ condition: () -> Bool) -> Bool {
    for _ in 0..<2000 {
      if condition() { return true }
      usleep(5000)
    }
    return false
  }

  /// Tries until the store answers again.
  func insist<R>(_ body: () throws -> R) throws -> R {
    var result: R?
    _ = wait {
      result = try? body()
      return result != nil
    }
    return try #require(result, "the store did not come back: \(warnings)")
  }

  func add(_ store: RedisStore, _ job: NewJob = NewJob(name: "a")) throws -> String {
    let results = try store.enqueue([EnqueueGroup(jobs: [job])], now: now)
    _ = try store.commit(.synced)
    guard case .stored(let id, _, _) = results[0] else {
      Issue.record("not stored: \(results)")
      return ""
    }
    return id
  }

  func take(_ store: RedisStore, _ count: Int = 1, worker: String = "w", lease: Interval = .seconds(30)) throws
    -> [ClaimedJob]
  {
    try store.claim(
      ClaimRequest(
        filters: [ClaimFilter(queues: [QueuePattern("*")])],
        workers: [ClaimRequest.Worker(id: worker, leaseUntil: now + lease)],
        slots: Array(repeating: ClaimRequest.Slot(worker: 0, filter: 0), count: count)),
      now: now
    ).jobs
  }

  /// The kind of error that `body` throws; nil: it did not.
  func failure(_ body: () throws -> Void) -> StoreError.Kind? {
    do {
      try body()
      return nil
    } catch let error as StoreError {
      return error.kind
    } catch {
      Issue.record("\(error)")
      return nil
    }
  }
}

extension SuiteTrait where Self == ConditionTrait {
  static var needsRedis: ConditionTrait {
    .enabled(if: RedisProcess.isInstalled, "redis-server is not installed: Scripts/setup installs it")
  }
}

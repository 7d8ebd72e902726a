import Glibc
import Jobs
import Support
import Testing

@testable import RedisStorage

/// A Redis of a test's own, and servers' storages on it.
final class RedisStorageScene {
  let redis: RedisProcess
  var options = RedisOptions()
  private var opened: [RedisStorage] = []
  var now = Timestamp(seconds: 1_700_000_000)
  private(set) var nextSeq: Int64 = 1

  init(_ settings: [String] = []) throws {
    redis = try RedisProcess(settings)
    options.connectTimeout = .milliseconds(500)
    options.replyTimeout = .milliseconds(700)
    options.reconnectDelay = .milliseconds(20)...(.milliseconds(100))
  }

  deinit { for storage in opened { try? storage.close() } }

  func open(_ url: String? = nil) throws -> RedisStorage {
    let storage = try RedisStorage.open(url: #require(RedisURL(url ?? redis.url)), options: options)
    opened.append(storage)
    return storage
  }

  /// Takes the lead at once, whoever had it, and loads.
  func lead(_ storage: RedisStorage, _ id: String = "a") throws -> (Epoch, LoadedState) {
    let leadership = try #require(storage.leadership)
    guard case .here(let epoch) = try leadership.seek(id, term: .zero) else {
      throw StoreError(.unavailable, "not here")
    }
    let state = LoadedState()
    try storage.load(epoch, into: state)
    nextSeq = state.nextSeq
    return (epoch, state)
  }

  /// A change set with one new job and its event.
  func job(_ number: UInt64, cursor: Int64, body: Int = 10) -> ChangeSet {
    var set = ChangeSet(number: number, now: now, durability: .synced)
    let job = NewJob(id: "job-\(nextSeq)", queue: "q", name: "n", runAt: now)
    let head = JobHead(seq: nextSeq, job: job, isChosen: true, createdAt: now)
    set.jobs = [
      JobChange(
        head: head, standing: JobStanding(state: .ready, runAt: now), isNew: true,
        body: [UInt8](repeating: 1, count: body))
    ]
    set.events = [Event(cursor: cursor, kind: .enqueued, at: now, jobID: job.id, queue: "q", name: "n")]
    nextSeq += 1
    set.nextSeq = nextSeq
    return set
  }

  func kind(_ body: () throws -> Void) -> StoreError.Kind? {
    do {
      try body()
      return nil
    } catch {
      return (error as? StoreError)?.kind
    }
  }

  /// Again and again until it succeeds, ten seconds at most.
  func insist<R>(_ body: () throws -> R) throws -> R {
    let end = ContinuousClock.now + .seconds(10)
    while true {
      do {
        return try body()
      } catch {
        if ContinuousClock.now > end { throw error }
        Wait.milliseconds(10)
      }
    }
  }
}

enum Wait {
  static func milliseconds(_ count: UInt32) { usleep(count * 1000) }
}

extension Trait where Self == ConditionTrait {
  static var needsRedis: ConditionTrait { .enabled(if: RedisProcess.isInstalled, "redis-server is not installed") }
}

import Jobs

/// The workers of all servers of a shared store: tells the others of this one's, and asks for theirs.
///
/// Costs nothing on a store with one server. Otherwise, one call when workers come, go or drain, and one a second while there
/// are any, so that what others see of who is busy is not older.
final class Fleet {
  private let directory: (any WorkerDirectory)?
  private let workers: WorkerRegistry
  /// What was told last: when, of how many, and which state of the registry.
  private var toldAt = Timestamp.distantPast
  private var toldCount = 0
  private var toldVersion = 0
  /// After a failure the store is left alone until then.
  private var notBefore = Timestamp.distantPast
  /// Asked once per tick at most.
  private var elsewhere: [WorkerView]?

  private static let period: Interval = .seconds(1)

  init(store: any JobStore, workers: WorkerRegistry) {
    directory = store.directory
    self.workers = workers
    workers.isShared = directory != nil
  }

  func begin() { elsewhere = nil }

  /// When the others are to be told next; nil: nothing is new.
  var next: Timestamp? {
    guard directory != nil else { return nil }
    if workers.version != toldVersion {
      // The list is as long as there are workers: when thousands come at once it is not sent with every one.
      let count = Int64(min(toldCount, 1_000))
      return max(toldAt + min(Self.period, Interval(microseconds: count * count)), notBefore)
    }
    return toldCount > 0 ? max(toldAt + Self.period, notBefore) : nil
  }

  func tell(now: Timestamp) {
    guard let directory, let next, next <= now else { return }
    let views = workers.views()
    do {
      try directory.publish(views, arrived: workers.arrived)
      toldAt = now
      toldCount = views.count
      toldVersion = workers.version
      workers.arrived = []
    } catch {
      // No caller waits for it, and what fails for good fails for everybody.
      notBefore = now + Self.period
    }
  }

  /// Empty when the store cannot say.
  var workersElsewhere: [WorkerView] {
    if let elsewhere { return elsewhere }
    var found: [WorkerView] = []
    if let directory { found = (try? directory.workersElsewhere()) ?? [] }
    elsewhere = found
    return found
  }

  /// Each once: one that has come from a server that died, or polls several, where it was seen last.
  var allWorkers: [WorkerView] {
    let here = workers.views()
    guard directory != nil else { return here }
    let all = here + workersElsewhere
    let seen = Dictionary(all.map { ($0.workerID, $0.lastSeenAt) }, uniquingKeysWith: max)
    return all.filter { $0.lastSeenAt == seen[$0.workerID] }
  }

  /// False: no other server has the worker.
  func drainElsewhere(_ id: String) throws(StoreError) -> Bool {
    guard let directory, try directory.workersElsewhere().contains(where: { $0.workerID == id }) else { return false }
    try directory.drainElsewhere(id)
    return true
  }
}

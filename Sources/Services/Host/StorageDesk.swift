import Backlog
import Engine
import Glibc
import Jobs

/// The storage's thread: does the engine's work in order, writes whatever piled up in one go, and says when it is done. Between, the
/// storage tidies up.
final class StorageDesk: @unchecked Sendable {  // Everything mutable is touched with the gate's lock held.
  enum Outcome: Sendable {
    /// All up to this ticket is stored; with how long its writing took.
    case stored(through: UInt64, microseconds: Int64)
    case failed(StoreError)
    case loaded(StoreError?)
    /// Of the rows' desk.
    case read(RowReading, Result<RowAnswer, StoreError>)
  }

  /// The engine, lent to this thread while it loads its state: the engine's thread does not touch the state then.
  struct Lent: @unchecked Sendable {
    let engine: Engine
  }

  let storage: any Storage
  private let epoch: Epoch
  private let closes: Bool
  private let clock: @Sendable () -> Moment
  private let gate: Gate
  /// Set before anything is given to this desk.
  private var observer: (any JobObserver)?
  private var queue: [StorageWork] = []
  /// Something that waits is the thread's to write; else whoever brought it sees to it, by `writeUnattended`.
  private var isForThread = false
  /// Since when only patient work waits; nil: none does, or some that is not.
  private var patientSince: Int64?
  /// The thread sleeps, and does not look by itself soon.
  private var isDeepAsleep = false
  /// When the thread wakes by itself; nil: it is awake.
  private var sleepsUntil: Int64?
  private var isClosed = false
  /// After a failure all is dropped until the engine wants its state loaded.
  private var isFailed = false
  /// Something has gone well.
  private var wasUsable = false
  /// Since when the storage works on something; nil: it rests.
  private var busySince: Int64?
  private var failure: StoreError?
  /// What it found while nothing was written, as that its files were removed.
  private var found: StoreError?
  /// What the storage writes while no thread waits for it.
  private var unattended = Unattended()
  /// Many change sets in one go are fine, very many bytes at once are not.
  private static let setsPerWrite = 64
  /// So long patient work waits, to be written with what comes next.
  private static let patience: Int64 = 1_000

  private struct Unattended {
    /// Empty: nothing is under way.
    var work: [StorageWork] = []
    var since: Int64 = 0
    /// Somebody looks how it stands.
    var isLookedAt = false
    /// The storage's thread is to wait for it and go on with what has come since.
    var isWanted = false

    var isUnderWay: Bool { !work.isEmpty }
  }

  /// - Parameters:
  ///   - closes: the storage with the end; else it is another's next.
  ///   - steadyClock: a test's, in microseconds; nil: the system's.
  init(
    storage: any Storage, epoch: Epoch, closes: Bool, clock: @escaping @Sendable () -> Moment,
    steadyClock: (@Sendable () -> Int64)? = nil
  ) {
    self.storage = storage
    self.clock = clock
    gate = Gate(clock: steadyClock)
    self.closes = closes
    self.epoch = epoch
  }

  /// - Parameters:
  ///   - observer: told of what was stored.
  ///   - report: called on the storage's thread.
  ///   - ended: the storage is closed.
  func start(
    engine lent: Lent, observer: (any JobObserver)?, report: @escaping @Sendable (Outcome) -> Void,
    ended: @escaping @Sendable (Result<Void, StoreError>) -> Void
  ) -> Bool {
    self.observer = observer
    return Thread.start("storage") { self.run(lent, report, ended) }
  }

  /// - Parameters:
  ///   - isPatient: it may wait a moment, to be written and synced together with what comes next.
  ///   - isFollowed: the caller calls `writeUnattended` at once: the thread may sleep on.
  func push(_ work: StorageWork, isPatient: Bool = false, isFollowed: Bool = false) {
    gate.lock()
    if !isPatient {
      patientSince = nil
    } else if queue.isEmpty {
      patientSince = gate.now
    }
    queue.append(work)
    isForThread = isForThread || !isFollowed
    // Else the thread is awake, or will be in time.
    let wake = !isFollowed && (!isPatient || isDeepAsleep)
    if wake { noteWoken() }
    gate.unlock()
    if wake { gate.signal() }
  }

  /// With the lock held: the thread is about to be woken for what waits.
  private func noteWoken() {
    isDeepAsleep = false
    sleepsUntil = nil
    unattended.isWanted = unattended.isUnderWay
  }

  /// Does what it was given, then closes the storage.
  func close() {
    gate.lock()
    isClosed = true
    gate.unlock()
    gate.signal()
  }

  /// For an engine that runs inline: does what waits, on the caller's thread. nil: nothing waited.
  func doNext(_ engine: Engine) -> Outcome? {
    gate.lock()
    let batch = takeBatch()
    gate.unlock()
    return batch.isEmpty ? nil : carryOut(batch, Lent(engine: engine))
  }

  /// What is wrong with the storage: the latest failure, if nothing has succeeded since, or that it has been at one thing for seconds.
  var trouble: StoreError? {
    gate.lock()
    defer { gate.unlock() }
    if let failure = failure ?? found { return failure }
    guard let busySince, gate.now - busySince > 2_000_000 else { return nil }
    return StoreError(.unavailable, "the storage has not answered for over two seconds")
  }

  private func run(
    _ lent: Lent, _ report: (Outcome) -> Void, _ ended: (Result<Void, StoreError>) -> Void
  ) {
    var tidyAt: Int64 = 0
    var hasWorked = false
    while true {
      gate.lock()
      // After it has worked it looks once by itself, so that patient work need not wake it.
      let lookAt = gate.now + (hasWorked ? Self.patience : 0)
      while let end = restEnd(now: gate.now, lookAt: lookAt, tidyAt: tidyAt) { sleep(until: end) }
      if unattended.isUnderWay {
        gate.unlock()
        if let outcome = finishUnattended(waits: true) { report(outcome) }
        continue
      }
      let batch = takeBatch()
      let isOver = isClosed && batch.isEmpty
      if !batch.isEmpty { busySince = gate.now }
      gate.unlock()
      if isOver { break }
      hasWorked = !batch.isEmpty
      if batch.isEmpty { tidyAt = tidy() } else { report(carryOut(batch, lent)) }
    }
    ended(Result { () throws(StoreError) in if closes { try storage.close() } else { try storage.sync() } })
  }

  /// With the lock held: until when the thread may sleep; nil: there is something to do.
  private func restEnd(now: Int64, lookAt: Int64, tidyAt: Int64) -> Int64? {
    isDeepAsleep = false
    if unattended.isUnderWay {
      // Who looks how it stands wakes the thread if it is still wanted then.
      return (unattended.isWanted || isClosed) && !unattended.isLookedAt ? nil : .max
    }
    if isClosed { return nil }
    guard queue.isEmpty || !isForThread else {
      // Patient work is done when the thread is awake anyway: each time that it wakes costs more than what it may gather.
      guard let since = patientSince, now < lookAt else { return nil }
      let end = min(lookAt, since + Self.patience)
      return now < end ? end : nil
    }
    if now >= tidyAt { return nil }
    isDeepAsleep = now >= lookAt
    return isDeepAsleep ? tidyAt : min(tidyAt, lookAt)
  }

  /// With the lock held.
  private func sleep(until time: Int64) {
    sleepsUntil = time
    if time == .max { gate.wait() } else { gate.wait(until: time) }
    sleepsUntil = nil
    isDeepAsleep = false
  }

  // MARK: While no thread waits for it

  /// Has the storage write what waits, if it can do that while nobody waits for it; else the thread does. To be called after a push that is `isFollowed`, and
  /// when such writing is done.
  /// - Parameter notice: of the caller, who calls `finishUnattended` when it can be read.
  /// - Returns: when to call this again, since what waits is patient; nil: no need to.
  func writeUnattended(notice: Int32) -> Int64? {
    gate.lock()
    // A thread that is awake or about to wake does what waits, and whoever hears of the end of what is under way calls this again.
    let isAwake = sleepsUntil == nil
    if isAwake, !queue.isEmpty { isForThread = true }
    guard !queue.isEmpty, !isAwake, !unattended.isUnderWay, !isClosed else {
      gate.unlock()
      return nil
    }
    if let since = patientSince, gate.now < since + Self.patience {
      defer { gate.unlock() }
      return isForThread ? nil : since + Self.patience
    }
    if !isFailed, let writer = storage.unattended, queue.allSatisfy({ $0.change != nil }),
      queue.contains(where: { $0.change?.durability == .synced })
    {
      let work = takeBatch()
      unattended.work = work
      unattended.since = gate.now
      busySince = unattended.since
      patientSince = nil
      // The thread touches neither the storage nor what is under way meanwhile. Whoever asks for the lock is not to wait for the storage.
      unattended.isLookedAt = true
      gate.unlock()
      let isBegun = writer.begin(work.compactMap(\.change), epoch: epoch, notice: notice)
      gate.lock()
      unattended.isLookedAt = false
      if isBegun {
        let wake = unattended.isWanted || isClosed
        gate.unlock()
        if wake { gate.signal() }
        return nil
      }
      putBack()
    }
    isForThread = true
    noteWoken()
    gate.unlock()
    gate.signal()
    return nil
  }

  /// Hears whether what is under way is done.
  /// - Parameter waits: until it is.
  /// - Returns: nil: it is not, or somebody else hears it, or the thread has to do it again.
  func finishUnattended(waits: Bool = false) -> Outcome? {
    gate.lock()
    guard unattended.isUnderWay, !unattended.isLookedAt, let writer = storage.unattended else {
      gate.unlock()
      return nil
    }
    unattended.isLookedAt = true
    let work = unattended.work
    gate.unlock()
    let result = writer.finish(waits: waits)
    if case .stored = result { observer?.stored(work.compactMap(\.change)) }
    gate.lock()
    defer { gate.unlock() }
    unattended.isLookedAt = false
    var outcome: Outcome?
    switch result {
    case .underWay: break
    case .notStored:
      putBack()
      unattended.isWanted = true
    case .stored:
      outcome = .stored(through: work.last?.ticket ?? 0, microseconds: gate.now - unattended.since)
      unattended.work = []
      busySince = nil
      failure = nil
    }
    // A thread that has found something under way sleeps until it is told.
    if unattended.isWanted || isClosed || sleepsUntil == .max {
      noteWoken()
      gate.signal()
    }
    return outcome
  }

  /// With the lock held: the thread is to write what was begun.
  private func putBack() {
    queue.insert(contentsOf: unattended.work, at: 0)
    unattended.work = []
    busySince = nil
    patientSince = nil
    isForThread = true
  }

  /// With the lock held: either one load, or writes that follow each other.
  private func takeBatch() -> [StorageWork] {
    defer { isForThread = isForThread && !queue.isEmpty }
    if isFailed {
      // What was decided on a state that is no longer believed in.
      while let first = queue.first {
        if case .load = first { break }
        queue.removeFirst()
      }
    }
    guard let first = queue.first else { return [] }
    if case .load = first {
      queue.removeFirst()
      return [first]
    }
    var count = 0
    while count < min(queue.count, Self.setsPerWrite), queue[count].isWrite { count += 1 }
    var batch: [StorageWork] = []
    if count == queue.count {
      swap(&batch, &queue)
    } else {
      batch = Array(queue[..<count])
      queue.removeFirst(count)
    }
    return batch
  }

  private func carryOut(_ batch: [StorageWork], _ lent: Lent) -> Outcome {
    let start = gate.now
    var error: StoreError?
    var through: UInt64 = 0
    var isLoad = false
    do throws(StoreError) {
      var changes: [ChangeSet] = []
      var mustSync = false
      for work in batch {
        switch work {
        case .write(let ticket, let set, let sync):
          if let set { changes.append(set) }
          mustSync = mustSync || sync
          through = ticket
        case .load:
          isLoad = true
          try lent.engine.backlog.load(storage, epoch, now: clock())
        }
      }
      if !changes.isEmpty { try storage.write(changes, epoch: epoch) }
      if mustSync { try storage.sync() }
      if !changes.isEmpty { observer?.stored(changes) }
    } catch let thrown {
      // What could be used before, as a database whose password or tables somebody has changed, may be so again: for callers it is away.
      error = wasUsable && thrown.kind == .unusable ? StoreError(.unavailable, thrown.message) : thrown
    }
    gate.lock()
    wasUsable = wasUsable || error == nil
    busySince = nil
    // That it was loaded does not mean that it takes writes.
    if !isLoad || error != nil { failure = error }
    isFailed = error != nil
    gate.unlock()
    if isLoad { return .loaded(error) }
    if let error { return .failed(error) }
    return .stored(through: through, microseconds: gate.now - start)
  }

  /// - Returns: when to do so again.
  private func tidy() -> Int64 {
    let now = clock().wall
    let start = gate.now
    do throws(StoreError) {
      let next = try storage.tidy(now: now)
      note(nil)
      return start + min(max((next - now).microseconds, 1_000), 60_000_000)
    } catch {
      // What matters fails for the engine too; but what cannot be used any more is to be known before somebody wants to write.
      note(error.kind == .unusable ? error : nil)
      return start + 1_000_000
    }
  }

  private func note(_ trouble: StoreError?) {
    gate.lock()
    found = trouble
    gate.unlock()
  }

  // MARK: For tests

  /// The clock was turned: if the thread slept until then it wakes.
  func clockTurned() {
    gate.lock()
    if let end = sleepsUntil, end <= gate.now {
      sleepsUntil = nil
      gate.signal()
    }
    gate.unlock()
  }

  var isAsleep: Bool {
    gate.lock()
    defer { gate.unlock() }
    return sleepsUntil != nil
  }
}

extension StorageWork {
  /// What it has written; nil: it is something else.
  fileprivate var change: ChangeSet? { if case .write(_, let change, _) = self { change } else { nil } }
  fileprivate var ticket: UInt64? { if case .write(let ticket, _, _) = self { ticket } else { nil } }
}

import CMalloc
import Glibc
import Jobs

/// The database with a lock around it: the thread that fills it, and now and then the storage's.
final class Guarded: @unchecked Sendable {
  // Unchecked, since it is only touched with the lock held.
  private let lock = Condition()
  private let database: Database

  init(_ database: Database) { self.database = database }

  func locked<T>(_ body: (Database) throws(StoreError) -> T) throws(StoreError) -> T {
    lock.lock()
    defer { lock.unlock() }
    return try body(database)
  }
}

/// The thread that fills the database from what was written to the log, in large transactions, and copies SQLite's log into its file.
enum Filler {
  static func start(_ overlay: Overlay, _ database: Guarded) throws(StoreError) {
    var thread = pthread_t()
    let start = unsafe Unmanaged.passRetained(FillerStart(overlay, database))
    let code = unsafe pthread_create(
      &thread, nil,
      { context in
        guard let context = unsafe context else { return nil }
        // Retained for this thread when it was made.
        let given = unsafe Unmanaged<FillerStart>.fromOpaque(context).takeRetainedValue()
        Filler.run(given.overlay, given.database)
        return nil
      }, start.toOpaque())
    guard code == 0 else {
      unsafe start.release()
      throw StoreError(.full, "no thread for the embedded store")
    }
    pthread_detach(thread)
  }

  fileprivate static func run(_ overlay: Overlay, _ database: Guarded) {
    var isIdleKnown = false
    while true {
      do throws(StoreError) {
        switch overlay.next(isIdleKnown: isIdleKnown) {
        case .apply(let batch):
          isIdleKnown = false
          let number = batch.mark.applied
          try database.locked { database throws(StoreError) in try database.apply(batch) }
          let isBurstOver = overlay.noteApplied()
          try checkpoint(overlay, database, number, always: false)
          if isBurstOver { try giveBack(database) }
        case .tidy(let now):
          try database.locked { database throws(StoreError) in try database.trimEvents(now: now) }
          overlay.noteTidied()
        case .idle:
          // So that the next busy time does not begin with it.
          isIdleKnown = true
          try checkpoint(overlay, database, nil, always: true)
          if overlay.noteIdle() { try giveBack(database) }
        case .end: return
        }
      } catch {
        if !overlay.noteFailure(error) { return }
      }
    }
  }

  /// What a burst of jobs took until it was in the database, SQLite's copies of pages too: malloc would keep it for the next one.
  private static func giveBack(_ database: Guarded) throws(StoreError) {
    try database.locked { $0.forgetPages() }
    malloc_trim(0)
  }

  /// That SQLite's log is not copied is no failure of what was asked meanwhile; the log of change sets is kept so much longer.
  private static func checkpoint(
    _ overlay: Overlay, _ database: Guarded, _ number: UInt64?, always: Bool
  ) throws(StoreError) {
    let isLogWaiting = overlay.isLogWaiting
    let durable = try database.locked { database throws(StoreError) -> UInt64? in
      guard database.isDueForCheckpoint || isLogWaiting || always && database.hasUncopied else { return nil }
      let applied: UInt64
      if let number { applied = number } else { applied = try database.mark().applied }
      do throws(StoreError) {
        return try database.checkpoint(truncate: false) ? applied : nil
      } catch {
        return nil
      }
    }
    if let durable { overlay.noteDurable(durable) }
  }
}

/// What the thread is given.
private final class FillerStart {
  let overlay: Overlay
  let database: Guarded

  init(_ overlay: Overlay, _ database: Guarded) {
    self.overlay = overlay
    self.database = database
  }
}

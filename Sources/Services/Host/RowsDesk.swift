import Backlog
import Jobs

/// The thread that reads rows for the engine, so that neither the engine nor what is being written waits for them.
final class RowsDesk: @unchecked Sendable {  // Everything mutable is touched with the gate's lock held.
  private let rows: SharedRows
  private let gate = Gate()
  /// Rows by number go before pages, which look at more.
  private var points: [RowReading] = []
  private var pages: [RowReading] = []
  private var isRunning = false
  private var isClosed = false

  init(rows: SharedRows) { self.rows = rows }

  /// - Parameter report: called on this desk's thread.
  func start(report: @escaping @Sendable (RowReading, Result<RowAnswer, StoreError>) -> Void) -> Bool {
    gate.lock()
    isRunning = true
    gate.unlock()
    return Thread.start("rows") { self.run(report) }
  }

  func push(_ readings: [RowReading]) {
    if readings.isEmpty { return }
    gate.lock()
    for reading in readings { if reading.request.isPage { pages.append(reading) } else { points.append(reading) } }
    gate.unlock()
    gate.broadcast()
  }

  /// Returns when nothing is read any more.
  func close() {
    gate.lock()
    isClosed = true
    gate.broadcast()
    while isRunning { gate.wait(microseconds: 10_000) }
    gate.unlock()
  }

  private func run(_ report: (RowReading, Result<RowAnswer, StoreError>) -> Void) {
    while let reading = next() {
      do throws(StoreError) {
        report(reading, .success(try reading.request.read(rows)))
      } catch {
        report(reading, .failure(error))
      }
    }
  }

  private func next() -> RowReading? {
    gate.lock()
    defer { gate.unlock() }
    while points.isEmpty, pages.isEmpty, !isClosed { gate.wait() }
    if isClosed {
      isRunning = false
      gate.broadcast()
      return nil
    }
    return points.isEmpty ? pages.removeFirst() : points.removeFirst()
  }
}

/// A storage's rows for several threads, one at a time: the desk above, the storage's while it loads, and the engine's for what was not foreseen.
final class SharedRows: RowSource {
  private let inner: any RowSource
  private let gate = Gate()

  init(_ inner: any RowSource) { self.inner = inner }

  private func alone<T>(_ body: () throws(StoreError) -> T) throws(StoreError) -> T {
    gate.lock()
    defer { gate.unlock() }
    return try body()
  }

  func check(_ epoch: Epoch) throws(StoreError) { try alone { () throws(StoreError) in try inner.check(epoch) } }

  func jobs(_ seqs: [Int64], bodies: Bool) throws(StoreError) -> [StoredJob?] {
    try alone { () throws(StoreError) in try inner.jobs(seqs, bodies: bodies) }
  }

  func jobs(ids: [String]) throws(StoreError) -> [StoredJob?] {
    try alone { () throws(StoreError) in try inner.jobs(ids: ids) }
  }

  func expired(by time: Timestamp, limit: Int) throws(StoreError) -> (jobs: [StoredJob], next: Timestamp?) {
    try alone { () throws(StoreError) in try inner.expired(by: time, limit: limit) }
  }

  func jobs(matching query: JobQuery) throws(StoreError) -> (jobs: [StoredJob], next: Int64?) {
    try alone { () throws(StoreError) in try inner.jobs(matching: query) }
  }
}

import Foundation
public import Jobs
import Synchronization

/// A storage that does not always do what it is told.
public final class UnsteadyStorage: Storage {
  public enum Call: Sendable, CaseIterable {
    case load, write, sync, tidy, rows, reader, epoch
  }
  public enum Fault: Sendable {
    /// Does nothing and says so.
    case fails(StoreError.Kind)
    /// Does what it was told and says that it failed.
    case isInDoubt
    /// Does only the first of several change sets and says that it failed; else like `isInDoubt`.
    case isHalfInDoubt
    /// Does nothing until `release` is called, then what it was told.
    case hangs
  }

  private struct State: ~Copyable {
    var plan: @Sendable (Call) -> Fault? = { _ in nil }
    var calls: [Call: Int] = [:]
    var hanging = 0
  }

  public let inner: any Storage
  private let state = Mutex(State())
  private let gate = NSCondition()
  private let power: (@Sendable () -> Void)?

  /// - Parameter losePower: makes `inner` forget what was not synced.
  public init(_ inner: any Storage, losePower: (@Sendable () -> Void)? = nil) {
    self.inner = inner
    power = losePower
  }

  /// What happens to each call from now on; nil: what should.
  public func plan(_ plan: @escaping @Sendable (Call) -> Fault?) { state.withLock { $0.plan = plan } }

  /// All is well again; what hangs goes on.
  public func heal() {
    plan { _ in nil }
    release()
  }

  public func count(_ call: Call) -> Int { state.withLock { $0.calls[call] ?? 0 } }

  /// Calls that hang now.
  public var hanging: Int { state.withLock { $0.hanging } }

  public func release() {
    gate.lock()
    gate.broadcast()
    gate.unlock()
  }

  public func losePower() { power?() }

  /// - Parameter half: what is done when it is to be done by half.
  private func run<T>(
    _ call: Call, half: (() throws(StoreError) -> T)? = nil, _ body: () throws(StoreError) -> T
  ) throws(StoreError) -> T {
    let plan = state.withLock { state in
      state.calls[call, default: 0] += 1
      return state.plan
    }
    switch plan(call) {
    case nil: return try body()
    case .fails(let kind): throw StoreError(kind, "as the test wants it")
    case .isInDoubt:
      _ = try body()
      throw StoreError(.unavailable, "as the test wants it; it was done")
    case .isHalfInDoubt:
      if let half { _ = try half() } else { _ = try body() }
      throw StoreError(.unavailable, "as the test wants it; it was done")
    case .hangs:
      gate.lock()
      state.withLock { $0.hanging += 1 }
      gate.wait()
      state.withLock { $0.hanging -= 1 }
      gate.unlock()
      return try body()
    }
  }

  public var kind: String { inner.kind }
  public var leadership: (any Leadership)? { inner.leadership }
  public var inbox: (any Inbox)? { inner.inbox }

  public func beginEpoch() throws(StoreError) -> Epoch {
    try run(.epoch) { () throws(StoreError) in try inner.beginEpoch() }
  }

  public func load(_ epoch: Epoch, into loader: any StateLoader) throws(StoreError) {
    try run(.load) { () throws(StoreError) in try inner.load(epoch, into: loader) }
  }

  public func write(_ changes: [ChangeSet], epoch: Epoch) throws(StoreError) {
    try run(
      .write, half: { [inner] () throws(StoreError) in try inner.write(Array(changes.prefix(1)), epoch: epoch) }
    ) { () throws(StoreError) in try inner.write(changes, epoch: epoch) }
  }

  public func sync() throws(StoreError) {
    try run(.sync) { () throws(StoreError) in try inner.sync() }
  }

  public func tidy(now: Timestamp) throws(StoreError) -> Timestamp {
    try run(.tidy) { () throws(StoreError) in try inner.tidy(now: now) }
  }

  public func close() throws(StoreError) { try inner.close() }

  public var rows: any RowSource { Rows(self) }
  public var reader: any JobReader { Reader(self) }

  private final class Rows: RowSource {
    let storage: UnsteadyStorage
    init(_ storage: UnsteadyStorage) { self.storage = storage }

    func check(_ epoch: Epoch) throws(StoreError) { try storage.inner.rows.check(epoch) }
    func jobs(_ seqs: [Int64], bodies: Bool) throws(StoreError) -> [StoredJob?] {
      try storage.run(.rows) { () throws(StoreError) in try storage.inner.rows.jobs(seqs, bodies: bodies) }
    }
    func jobs(ids: [String]) throws(StoreError) -> [StoredJob?] {
      try storage.run(.rows) { () throws(StoreError) in try storage.inner.rows.jobs(ids: ids) }
    }
    func expired(by time: Timestamp, limit: Int) throws(StoreError) -> (jobs: [StoredJob], next: Timestamp?) {
      try storage.run(.rows) { () throws(StoreError) in try storage.inner.rows.expired(by: time, limit: limit) }
    }
    func jobs(matching query: JobQuery) throws(StoreError) -> (jobs: [StoredJob], next: Int64?) {
      try storage.run(.rows) { () throws(StoreError) in try storage.inner.rows.jobs(matching: query) }
    }
  }

  private final class Reader: JobReader {
    let storage: UnsteadyStorage
    init(_ storage: UnsteadyStorage) { self.storage = storage }

    func job(id: String) throws(StoreError) -> JobRecord? {
      try storage.run(.reader) { () throws(StoreError) in try storage.inner.reader.job(id: id) }
    }
    func jobs(_ query: JobQuery) throws(StoreError) -> JobPage {
      try storage.run(.reader) { () throws(StoreError) in try storage.inner.reader.jobs(query) }
    }
    func events(after cursor: Int64, limit: Int) throws(StoreError) -> EventPage {
      try storage.run(.reader) { () throws(StoreError) in
        try storage.inner.reader.events(after: cursor, limit: limit)
      }
    }
  }
}

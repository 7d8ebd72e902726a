import Jobs

/// A storage's rows as they are while one epoch leads. A leader that stood still does not know yet that another has taken over: rows that the
/// other has changed contradict the state in memory, and nothing may be decided by them.
public final class FencedRows: RowSource {
  private let rows: any RowSource
  private let epoch: Epoch

  public init(_ rows: any RowSource, _ epoch: Epoch) {
    self.rows = rows
    self.epoch = epoch
  }

  /// Looks who leads after reading: whoever takes over begins an epoch before it changes a row.
  private func fenced<T>(_ body: () throws(StoreError) -> T) throws(StoreError) -> T {
    let found = try body()
    try rows.check(epoch)
    return found
  }

  public func check(_ epoch: Epoch) throws(StoreError) { try rows.check(epoch) }

  public func jobs(_ seqs: [Int64], bodies: Bool) throws(StoreError) -> [StoredJob?] {
    try fenced { () throws(StoreError) in try rows.jobs(seqs, bodies: bodies) }
  }

  public func jobs(ids: [String]) throws(StoreError) -> [StoredJob?] {
    try fenced { () throws(StoreError) in try rows.jobs(ids: ids) }
  }

  public func expired(by time: Timestamp, limit: Int) throws(StoreError) -> (jobs: [StoredJob], next: Timestamp?) {
    try fenced { () throws(StoreError) in try rows.expired(by: time, limit: limit) }
  }

  public func jobs(matching query: JobQuery) throws(StoreError) -> (jobs: [StoredJob], next: Int64?) {
    try fenced { () throws(StoreError) in try rows.jobs(matching: query) }
  }
}

import Jobs

/// Everything the store knows, with the orders that follow from it. Each change goes through here and leaves its opposite
/// in `undo`, so a tick can be taken back.
struct Tables {
  struct Key: Hashable {
    var queue: String
    var key: String
  }
  /// Who has a unique key; `until` is nil as long as the job is not final.
  struct Hold {
    var seq: Int64
    var until: Timestamp?
  }
  struct Totals: Equatable {
    var succeeded: UInt64 = 0
    var failed: UInt64 = 0
  }
  private enum Change {
    case row(Int64, Row?)
    case hold(Key, Hold?)
    case totals(String, Totals?)
    case paused(String, Bool)
  }

  private(set) var rows: [Int64: Row] = [:]
  private(set) var seqs: [String: Int64] = [:]
  private(set) var holds: [Key: Hold] = [:]
  private(set) var totals: [String: Totals] = [:]
  private(set) var paused: Set<String> = []
  var nextSeq: Int64 = 1

  /// Ready jobs by queue.
  private(set) var ready: [String: SortedArray<Place>] = [:]
  private(set) var due = SortedArray<Moment>()
  private(set) var expiries = SortedArray<Moment>()
  private(set) var lapses = SortedArray<Moment>()
  private(set) var ends = SortedArray<Moment>()

  private var undo: [Change] = []
  private var seqAtCommit: Int64 = 1

  func row(id: String) -> Row? { seqs[id].flatMap { rows[$0] } }

  /// The job that has the key now.
  func holder(of key: Key, now: Timestamp) -> Row? {
    guard let hold = holds[key], hold.until.map({ $0 > now }) ?? true else { return nil }
    return rows[hold.seq]
  }

  mutating func put(_ row: Row) {
    undo.append(.row(row.record.seq, set(row, seq: row.record.seq)))
  }

  mutating func remove(seq: Int64) {
    undo.append(.row(seq, set(nil, seq: seq)))
  }

  mutating func setHold(_ hold: Hold?, for key: Key) {
    undo.append(.hold(key, holds[key]))
    holds[key] = hold
  }

  mutating func count(queue: String, _ change: (inout Totals) -> Void) {
    undo.append(.totals(queue, totals[queue]))
    change(&totals[queue, default: Totals()])
  }

  mutating func setPaused(_ isPaused: Bool, queue: String) {
    undo.append(.paused(queue, paused.contains(queue)))
    if isPaused { paused.insert(queue) } else { paused.remove(queue) }
  }

  /// Forgets how to go back; returns the jobs that were touched.
  mutating func commit() -> Set<Int64> {
    var touched: Set<Int64> = []
    for case .row(let seq, _) in undo { touched.insert(seq) }
    undo.removeAll()
    seqAtCommit = nextSeq
    return touched
  }

  mutating func rollback() {
    for change in undo.reversed() {
      switch change {
      case .row(let seq, let row): _ = set(row, seq: seq)
      case .hold(let key, let hold): holds[key] = hold
      case .totals(let queue, let old): totals[queue] = old
      case .paused(let queue, let was): if was { paused.insert(queue) } else { paused.remove(queue) }
      }
    }
    undo.removeAll()
    nextSeq = seqAtCommit
  }

  /// Returns the row that was there.
  private mutating func set(_ new: Row?, seq: Int64) -> Row? {
    let old = rows[seq]
    if let old {
      if old.record.state == .ready { ready[old.record.job.queue]?.remove(old.record.place) }
      if let at = old.due { due.remove(at) }
      if let at = old.expiry { expiries.remove(at) }
      if let at = old.lapse { lapses.remove(at) }
      if let at = old.end { ends.remove(at) }
      seqs[old.record.job.id] = nil
    }
    rows[seq] = new
    if let new {
      if new.record.state == .ready {
        ready[new.record.job.queue, default: SortedArray()].insert(new.record.place)
      }
      if let at = new.due { due.insert(at) }
      if let at = new.expiry { expiries.insert(at) }
      if let at = new.lapse { lapses.insert(at) }
      if let at = new.end { ends.insert(at) }
      seqs[new.record.job.id] = seq
    }
    return old
  }
}

public import Jobs

/// Rows that the state wants and that are not at hand.
public enum RowRequest: Sendable {
  /// - `isAhead`: for claims to come; nothing that was asked for waits for them. The answer may have but the first of them, when these are large.
  case jobs([Int64], bodies: Bool, isAhead: Bool)
  /// Final jobs whose retention is over.
  case expired(by: Timestamp, limit: Int)
  /// A slice of a sweep.
  case matching(JobQuery)

  /// On any thread that may wait.
  public func read(_ rows: any RowSource) throws(StoreError) -> RowAnswer {
    switch self {
    case .jobs(let seqs, let bodies, let isAhead):
      .jobs(isAhead ? try Self.read(ahead: seqs, rows) : try rows.jobs(seqs, bodies: bodies))
    case .expired(let time, let limit):
      { RowAnswer.page($0.jobs, end: $0.next?.microseconds) }(try rows.expired(by: time, limit: limit))
    case .matching(let query): { RowAnswer.page($0.jobs, end: $0.next) }(try rows.jobs(matching: query))
    }
  }

  /// About what is read for claims at once, in bytes.
  static let bytesRead = 8 << 20
  /// So many are read whatever they are like; what they cost says how many more are.
  static let firstRead = 32

  /// How large jobs are that nobody has read is not known: all in one go may be more than there is memory for.
  private static func read(ahead seqs: [Int64], _ rows: any RowSource) throws(StoreError) -> [StoredJob?] {
    var found = try rows.jobs(seqs.count <= firstRead ? seqs : Array(seqs.prefix(firstRead)), bodies: true)
    var bytes = found.reduce(0) { $0 + ($1?.body.count ?? 0) }
    while !found.isEmpty, found.count < seqs.count, bytes < bytesRead {
      let more = max(1, (bytesRead - bytes) / (1 + bytes / found.count))
      let next = try rows.jobs(Array(seqs[found.count...].prefix(more)), bodies: true)
      if next.isEmpty { break }
      bytes += next.reduce(0) { $0 + ($1?.body.count ?? 0) }
      found += next
    }
    return found
  }
}

public enum RowAnswer: Sendable {
  /// In the order of the request; see `RowRequest.jobs`.
  case jobs([StoredJob?])
  /// With where the next one begins.
  case page([StoredJob], end: Int64?)
}

/// One request on its way, and what came of it.
public struct RowReading: Sendable {
  /// When it began, in the order of readings.
  public let number: UInt64
  public let request: RowRequest
}

/// What the state knows of rows that others read for it.
///
/// A row may be older than the state by the time that it comes: jobs that change meanwhile stay at hand, though they are stored, until
/// everything that was read before that is used. So whatever is at hand is newer than a row, and what is not at hand is as its row says.
struct Readings {
  var last: UInt64 = 0
  /// On their way, or with rows that are not used yet; rising.
  var open: [UInt64] = []
  /// Stored jobs that stay at hand, each with the latest reading that may not know of it, and the change set that had it.
  private(set) var late: [(reading: UInt64, number: UInt64, job: LiveJob)] = []
  private var lateStart = 0

  /// Wanted by verbs that could not go on, of this tick.
  var wanted: [RowRequest] = []
  /// On their way for claims.
  var ahead: Set<Int64> = []
  /// Bytes that one of them costs, about, by those that came last.
  var weightAhead = 4 << 10
  /// Looked for in vain: not to be looked for again in this tick.
  var absent: Set<Int64> = []

  mutating func keep(_ job: LiveJob, _ number: UInt64) { late.append((last, number, job)) }

  /// All of them.
  var waiting: [LiveJob] { late[lateStart...].map(\.job) }

  /// The next one that no reading needs any more.
  mutating func nextLate() -> (number: UInt64, job: LiveJob)? {
    guard lateStart < late.count, late[lateStart].reading < open.first ?? .max else {
      if lateStart == late.count {
        late.removeAll(keepingCapacity: lateStart < 4_096)
        lateStart = 0
      }
      return nil
    }
    defer {
      lateStart += 1
      if lateStart > 1_024, lateStart * 2 > late.count {
        late.removeFirst(lateStart)
        lateStart = 0
      }
    }
    return (late[lateStart].number, late[lateStart].job)
  }
}

extension RowRequest {
  /// Which jobs it gives is not known before.
  public var isPage: Bool { if case .jobs = self { false } else { true } }
}

extension Sweep {
  /// The next jobs that it looks at.
  public func slice(from cursor: Int64?, limit: Int) -> JobQuery {
    var slice = query
    slice.before = cursor
    slice.limit = limit
    return slice
  }
}

extension Backlog {
  /// A slice of a sweep is to be read, see `sweep`.
  public func want(_ sweep: Sweep, from cursor: Int64?, limit: Int) {
    readings.wanted.append(.matching(sweep.slice(from: cursor, limit: limit)))
  }

  /// The error of a verb that wants rows and has done nothing. Its owner asks again when they are.
  public static let notAtHand = StoreError(.unavailable, "rows are being read")

  /// On their way, or with rows that are not used yet.
  public var openReadings: Int { readings.open.count }

  /// Of the readings so far.
  public var lastReading: UInt64 { readings.last }
  /// So many readings are wanted by now and not taken.
  public var wants: Int { readings.wanted.count }

  /// What verbs want, to be read elsewhere: then `lay`, and the same verbs again.
  public func takeReadings() -> [RowReading] {
    guard !readings.wanted.isEmpty else { return [] }
    defer { readings.wanted.removeAll(keepingCapacity: true) }
    return readings.wanted.map { request in
      readings.last += 1
      readings.open.append(readings.last)
      return RowReading(number: readings.last, request: request)
    }
  }

  /// Brings rows at hand, until the tick ends. To be done for every tick until their `close`.
  public func lay(_ reading: RowReading, _ answer: RowAnswer) {
    if case .expired = reading.request, case .page(let jobs, let end) = answer {
      if expiredPage == nil { expiredPage = (jobs, end.map { Timestamp(microseconds: $0) }) }
      return
    }
    guard case .jobs(let seqs, let bodies, let isAhead) = reading.request, case .jobs(let found) = answer else {
      return
    }
    if isAhead {
      readings.ahead.subtract(seqs)
      if !found.isEmpty {
        readings.weightAhead = 512 + found.reduce(0) { $0 + ($1?.body.count ?? 0) } / found.count
      }
    }
    for (index, stored) in found.enumerated() {
      guard let stored else {
        readings.absent.insert(seqs[index])
        continue
      }
      lay(stored, bodies: bodies, by: reading.number, isAhead: isAhead)
    }
  }

  /// Nobody needs these rows any more.
  public func close(_ reading: RowReading) {
    if let place = readings.open.firstIndex(of: reading.number) { readings.open.remove(at: place) }
    while let (number, job) = readings.nextLate() {
      if job.changedIn == number, !job.isTouched { release(job) }
    }
  }

  /// Nothing is on its way any more.
  func resetReadings() {
    let last = readings.last
    readings = Readings()
    readings.last = last
  }

  /// - Parameter reading: nil: it was read just now.
  func lay(_ stored: StoredJob, bodies: Bool, by reading: UInt64? = nil, isAhead: Bool = false) {
    if let job = known[stored.seq] {
      // Its record here is the newer one; its body is not, unless it was replaced.
      if bodies, job.body == nil, reading.map({ $0 > job.bodyReading }) ?? true {
        job.body = stored.body
        job.isDamaged = stored.isDamaged
      }
      if job.carried == nil { job.carried = stored.carried }
      return
    }
    let job = take(stored, bodies: bodies)
    job.carried = stored.carried
    if isAhead { keep(job) }
  }

  /// Puts a request on the list and ends the verb.
  func want(_ request: RowRequest) -> StoreError {
    readings.wanted.append(request)
    return Self.notAtHand
  }

  /// Those of the jobs that a verb cannot do without.
  func lacking(_ seqs: [Int64], bodies: Bool) -> [Int64] {
    seqs.filter { isLacking($0, bodies: bodies) }
  }

  func isLacking(_ seq: Int64, bodies: Bool) -> Bool {
    guard let job = known[seq] else { return !readings.absent.contains(seq) }
    return job.carried == nil || (bodies && job.body == nil)
  }

  /// How many jobs are read for claims at once: when one is read, those that come next are too, as far as they would stay at hand.
  func countAhead(_ wanted: Int) -> Int {
    let most = min(Self.bytesAhead, kept.room) / max(readings.weightAhead, 1)
    return max(wanted, min(Self.maxAhead, most))
  }

  private static let bytesAhead = 1 << 20
  private static let maxAhead = 128

  /// For claims to come: those that are not on their way already.
  func wantAhead(_ seqs: [Int64]) {
    let new = seqs.filter { readings.ahead.insert($0).inserted }
    if !new.isEmpty { readings.wanted.append(.jobs(new, bodies: true, isAhead: true)) }
  }
}

extension Backlog {
  /// For what cannot be put off any more: reads as it goes.
  public func readingInLine<T>(_ body: () throws(StoreError) -> T) throws(StoreError) -> T {
    let before = readsInLine
    readsInLine = true
    defer { readsInLine = before }
    return try body()
  }
}

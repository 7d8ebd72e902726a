import Engine

/// What one moment shows of the engine: counts since its start, and how it stands.
struct SeriesReading: Sendable {
  var enqueued: UInt64 = 0
  var started: UInt64 = 0
  /// Jobs that became final.
  var finished: UInt64 = 0
  /// Attempts that failed or were lost, the last ones of dead jobs counted in.
  var failed: UInt64 = 0
  var wait = EngineStatistics.Histogram()
  var run = EngineStatistics.Histogram()
  var ready: UInt64 = 0
  var scheduled: UInt64 = 0
  var running: UInt64 = 0
  var blocked: UInt64 = 0
  var dead: UInt64 = 0
  /// Connected or polling.
  var workers: UInt64 = 0

  init() {}

  init(_ statistics: EngineStatistics) {
    for queue in statistics.queues.values {
      enqueued += queue.enqueued
      started += queue.started
      finished += queue.succeeded + queue.dead + queue.canceled + queue.expired
      failed += queue.failed + queue.dead + queue.lost
      wait.add(queue.wait)
      run.add(queue.run)
    }
    let depth = statistics.depth
    (ready, scheduled, running) = (depth.ready, depth.scheduled, depth.running)
    (blocked, dead, workers) = (depth.blocked, depth.dead, statistics.workers)
  }
}

/// One step of a series: what happened in it, and how things stood at its end.
struct SeriesPoint: Sendable, Equatable {
  /// Seconds since 1970, of its end.
  var at: Int64
  var enqueued: UInt64 = 0
  var started: UInt64 = 0
  var finished: UInt64 = 0
  var failed: UInt64 = 0
  /// Seconds; nil: nothing was measured. The halves are of all that was, the others of the hundredth that took longest.
  var waitP50: Double?
  var waitP99: Double?
  var runP50: Double?
  var runP99: Double?
  var ready: UInt64 = 0
  var scheduled: UInt64 = 0
  var running: UInt64 = 0
  var blocked: UInt64 = 0
  var dead: UInt64 = 0
  var workers: UInt64 = 0
  /// Whether this server led at its end; else nothing is known here but that.
  var leads = true
  /// Whether the store did its work at its end.
  var isStoreWell = true

  var json: JSONValue {
    var members: [(String, JSONValue)] = [
      ("at", .integer(at)), ("enqueued", .unsigned(enqueued)), ("started", .unsigned(started)),
      ("finished", .unsigned(finished)), ("failed", .unsigned(failed)),
    ]
    for (name, value) in [("waitP50", waitP50), ("waitP99", waitP99), ("runP50", runP50), ("runP99", runP99)] {
      if let value { members.append((name, .number((value * 1e6).rounded() / 1e6))) }
    }
    members += [
      ("ready", .unsigned(ready)), ("scheduled", .unsigned(scheduled)), ("running", .unsigned(running)),
      ("blocked", .unsigned(blocked)), ("dead", .unsigned(dead)), ("workers", .unsigned(workers)),
      ("leads", .bool(leads)),
      ("storeWell", .bool(isStoreWell)),
    ]
    return .object(members)
  }
}

/// The latest points of equal steps, so many at most.
struct Series: Sendable {
  /// Seconds.
  let step: Int64
  private let limit: Int
  private var points: [SeriesPoint] = []
  private var last: (reading: SeriesReading, step: Int64)?

  init(step: Int64, limit: Int) {
    self.step = step
    self.limit = limit
  }

  var latest: SeriesPoint? { points.last }
  var count: Int { points.count }

  /// To be called at least once a step; makes a point of the first reading in each.
  /// - Parameters:
  ///   - reading: nil: this server does not lead.
  ///   - now: seconds since 1970.
  mutating func take(_ reading: SeriesReading?, isStoreWell: Bool, now: Int64) {
    let number = now / step
    if let last, last.step == number { return }
    // A clock that was set back begins anew.
    points.removeAll { $0.at >= now }
    var point = SeriesPoint(at: number * step, leads: reading != nil, isStoreWell: isStoreWell)
    if let reading {
      let before = last?.reading ?? reading
      // Counts begin anew with each term of an engine.
      func since(_ count: KeyPath<SeriesReading, UInt64>) -> UInt64 {
        let (now, then) = (reading[keyPath: count], before[keyPath: count])
        return now >= then ? now - then : now
      }
      point.enqueued = since(\.enqueued)
      point.started = since(\.started)
      point.finished = since(\.finished)
      point.failed = since(\.failed)
      (point.waitP50, point.waitP99) = Self.quantiles(reading.wait, before.wait)
      (point.runP50, point.runP99) = Self.quantiles(reading.run, before.run)
      (point.ready, point.scheduled, point.running) = (reading.ready, reading.scheduled, reading.running)
      (point.blocked, point.dead, point.workers) = (reading.blocked, reading.dead, reading.workers)
    }
    last = (reading ?? SeriesReading(), number)
    if points.count == limit { points.removeFirst() }
    points.append(point)
  }

  private static func quantiles(
    _ now: EngineStatistics.Histogram, _ before: EngineStatistics.Histogram
  ) -> (Double?, Double?) {
    let isNew = zip(now.counts, before.counts).contains { $0 < $1 }
    let counts = isNew ? now.counts : zip(now.counts, before.counts).map { $0 - $1 }
    return (quantile(0.5, counts), quantile(0.99, counts))
  }

  /// Evenly spread within a bucket, as Prometheus' histogram_quantile has it; what is above the last bound is given as that.
  static func quantile(_ q: Double, _ counts: [UInt64]) -> Double? {
    let all = counts.reduce(0, +)
    if all == 0 { return nil }
    let rank = q * Double(all)
    var below: UInt64 = 0
    for (index, count) in counts.enumerated() where count > 0 {
      if Double(below + count) >= rank {
        guard index < EngineStatistics.buckets.count else { break }
        let low = index == 0 ? 0 : EngineStatistics.buckets[index - 1]
        return low + (EngineStatistics.buckets[index] - low) * (rank - Double(below)) / Double(count)
      }
      below += count
    }
    return EngineStatistics.buckets.last
  }

  var json: JSONValue { .object([("step", .integer(step)), ("points", .array(points.map(\.json)))]) }
}

import Jobs

/// What of a rate has been used: lets no more than `rate.count` start in any span of `rate.period`, wherever it begins.
///
/// Few per period (up to 128): the time of each start is kept; the rate is used to the last one. Many: the period is cut into 128 slots, and starts
/// are counted per slot; the window is the slots that the last period touches, 129 of them, so it is never shorter than the period and at
/// most a 128th longer: 99.2 % of the rate can be used. Each slot may take its part of the count, so that starts are spread within the period; parts not
/// taken in the last tenth of a second may be taken later, so that a busy server loses nothing. Either way at most a kilobyte.
struct RateWindow {
  private static let maxTimes: UInt32 = 128
  private static let slotsPerPeriod: Int64 = 128
  /// How long a slot's part can be taken late, in microseconds.
  private static let grace: Int64 = 100_000

  private enum Used {
    /// The times of the latest starts, at most `rate.count`, oldest first from `oldest` on, in a ring once it is full.
    case times([Int64], oldest: Int)
    case slots(Slots)
  }
  private struct Slots {
    /// Microseconds of one.
    let width: Int64
    /// A ring: slot n is at n % count.
    var counts: [UInt32]
    /// The latest slot that is counted.
    var latest: Int64
    /// Of all counts.
    var sum: UInt64 = 0

    subscript(slot: Int64) -> UInt32 {
      get { counts[Int(slot % Int64(counts.count))] }
      set {
        let place = Int(slot % Int64(counts.count))
        sum = sum - UInt64(counts[place]) + UInt64(newValue)
        counts[place] = newValue
      }
    }

    /// Forgets what is older than the window that ends in `slot`.
    mutating func advance(to slot: Int64) {
      if slot < latest {
        // The clock was set back: all counts as if it had just been. Never too little.
        let old = self
        sum = 0
        for place in counts.indices { counts[place] = 0 }
        for back in 0...min(slot, old.latest, Int64(counts.count) - 1) { self[slot - back] = old[old.latest - back] }
        latest = slot
        return
      }
      if slot - latest >= Int64(counts.count) {
        for place in counts.indices { counts[place] = 0 }
        sum = 0
        latest = slot
        return
      }
      while latest < slot {
        latest += 1
        self[latest] = 0
      }
    }

    /// Of the rate's count, what belongs to this slot: any `counts.count` slots in a row have it all.
    func part(_ slot: Int64, of count: UInt32) -> UInt64 {
      let place = UInt64(slot % Int64(counts.count))
      let all = UInt64(counts.count)
      return (place + 1) * UInt64(count) / all - place * UInt64(count) / all
    }
  }

  private(set) var rate: Limit.Rate
  private var used: Used
  /// What was stored of the latest slot counts these as used: until they are, nothing need be stored again.
  private var reserved: (slot: Int64, count: UInt32)?
  /// Something has started that the storage does not know of.
  private(set) var needsStoring = false

  init(_ rate: Limit.Rate) {
    self.rate = rate
    used = Self.unused(rate)
  }

  private static func unused(_ rate: Limit.Rate) -> Used {
    if rate.count <= maxTimes { return .times([], oldest: 0) }
    let period = rate.period.microseconds
    let width = (period + slotsPerPeriod - 1) / slotsPerPeriod
    let slots = (period + width - 1) / width
    return .slots(Slots(width: width, counts: Array(repeating: 0, count: Int(slots) + 1), latest: 0))
  }

  /// How many may start now.
  mutating func available(at now: Timestamp) -> UInt32 {
    let now = now.microseconds
    switch used {
    case .times(let times, let oldest):
      if !times.isEmpty, times[(oldest + times.count - 1) % times.count] > now {
        // The clock was set back: as if it had just been.
        used = .times(times.map { min($0, now) }, oldest: oldest)
        return available(at: Timestamp(microseconds: now))
      }
      return rate.count - UInt32(times.count) + lapsed(times, oldest, now)
    case .slots(var slots):
      let slot = now / slots.width
      if slot != slots.latest {
        slots.advance(to: slot)
        used = .slots(slots)
      }
      return available(slots)
    }
  }

  /// How many of the times are a period ago.
  private func lapsed(_ times: [Int64], _ oldest: Int, _ now: Int64) -> UInt32 {
    var count = 0
    let period = rate.period.microseconds
    while count < times.count {
      let time = times[(oldest + count) % times.count]
      if time + period >= now { break }
      count += 1
    }
    return UInt32(count)
  }

  private func available(_ slots: Slots) -> UInt32 {
    let count = UInt64(rate.count)
    guard slots.sum < count else { return 0 }
    let late = min(Int64(slots.counts.count), max(1, Self.grace / slots.width))
    var part: UInt64 = 0
    var taken: UInt64 = 0
    for slot in max(0, slots.latest - late + 1)...slots.latest {
      part += slots.part(slot, of: rate.count)
      taken += UInt64(slots[slot])
    }
    guard taken < part else { return 0 }
    return UInt32(min(count - slots.sum, part - taken))
  }

  /// One starts now. To be called only while one is available.
  mutating func start(at now: Timestamp) {
    let now = now.microseconds
    switch used {
    case .times(var times, var oldest):
      // Without a copy: the enum's own is let go first.
      used = .times([], oldest: 0)
      if times.count < Int(rate.count) {
        times.append(now)
      } else {
        times[oldest] = now
        oldest = (oldest + 1) % times.count
      }
      used = .times(times, oldest: oldest)
      needsStoring = true
    case .slots(var slots):
      used = .times([], oldest: 0)
      slots.advance(to: now / slots.width)
      slots[slots.latest] += 1
      if reserved?.slot != slots.latest || slots[slots.latest] > reserved?.count ?? 0 { needsStoring = true }
      used = .slots(slots)
    }
  }

  /// The first time, not before now, at which one may start, if none starts before.
  mutating func next(after now: Timestamp) -> Timestamp {
    if available(at: now) > 0 { return now }
    switch used {
    case .times(let times, let oldest):
      guard !times.isEmpty else { return now }
      return Timestamp(microseconds: times[oldest] + 1) + rate.period
    case .slots(var slots):
      for _ in slots.counts.indices {
        slots.advance(to: slots.latest + 1)
        if available(slots) > 0 { break }
      }
      return Timestamp(microseconds: slots.latest * slots.width)
    }
  }

  /// Starts within the last period (of many per period: and at most a 128th of it more).
  mutating func started(at now: Timestamp) -> UInt64 {
    _ = available(at: now)
    switch used {
    case .times(let times, let oldest): return UInt64(times.count) - UInt64(lapsed(times, oldest, now.microseconds))
    case .slots(let slots): return slots.sum
    }
  }

  var isUnused: Bool {
    switch used {
    case .times(let times, _): times.isEmpty
    case .slots(let slots): slots.sum == 0
    }
  }

  // MARK: Change, store

  /// Another rate from now on. What has started counts on, as far as it is known: when the period grows, what is older than the old one is not.
  mutating func change(to rate: Limit.Rate) {
    guard rate != self.rate else { return }
    let history = history
    self.rate = rate
    used = Self.unused(rate)
    reserved = nil
    take(history)
    needsStoring = !history.isEmpty
  }

  /// When how many started, oldest first; of slots, the latest that it can have been.
  private var history: [(at: Int64, count: UInt32)] {
    switch used {
    case .times(let times, let oldest):
      return times.indices.map { (times[(oldest + $0) % times.count], 1) }
    case .slots(let slots):
      let first = max(0, slots.latest - Int64(slots.counts.count) + 1)
      return (first...slots.latest).compactMap { slot in
        slots[slot] == 0 ? nil : ((slot + 1) * slots.width - 1, slots[slot])
      }
    }
  }

  private mutating func take(_ history: [(at: Int64, count: UInt32)]) {
    switch used {
    case .times:
      var times: [Int64] = []
      for entry in history.reversed() {
        for _ in 0..<entry.count where times.count < Int(rate.count) { times.append(entry.at) }
      }
      used = .times(times.reversed(), oldest: 0)
    case .slots(var slots):
      for entry in history {
        slots.advance(to: entry.at / slots.width)
        let (sum, isOver) = slots[slots.latest].addingReportingOverflow(entry.count)
        slots[slots.latest] = isOver ? .max : sum
      }
      used = .slots(slots)
    }
  }

  /// To be stored with the starts that it tells of. Of slots, all that may start in the latest counts as started.
  mutating func encode() -> [UInt8] {
    needsStoring = false
    var history = history
    if case .slots(let slots) = used {
      let more = available(slots)
      reserved = (slots.latest, slots[slots.latest] + more)
      if more > 0 {
        if slots[slots.latest] > 0 {
          history[history.count - 1].count += more
        } else {
          history.append(((slots.latest + 1) * slots.width - 1, more))
        }
      }
    }
    var packer = Packer()
    packer.add(1)
    packer.add(UInt64(rate.count))
    packer.add(UInt64(rate.period.microseconds))
    packer.add(UInt64(history.count))
    var last: Int64 = 0
    for entry in history {
      packer.add(signed: entry.at - last)
      packer.add(UInt64(entry.count))
      last = entry.at
    }
    return packer.bytes
  }

  /// nil: these are not such bytes.
  init?(_ bytes: [UInt8]) {
    var unpacker = Unpacker(bytes)
    guard unpacker.number() == 1, let count = unpacker.number(), (1...UInt64(Limit.maxPerPeriod)).contains(count),
      let period = unpacker.number(), period > 0, period <= UInt64(Limit.longestPeriod.microseconds),
      let entries = unpacker.number(), entries <= 1_024
    else { return nil }
    self.init(Limit.Rate(count: UInt32(count), period: Interval(microseconds: Int64(period))))
    var history: [(at: Int64, count: UInt32)] = []
    var last: Int64 = 0
    for _ in 0..<entries {
      guard let step = unpacker.signed(), let count = unpacker.number(), count <= UInt64(UInt32.max) else { return nil }
      let (at, isOver) = last.addingReportingOverflow(step)
      guard !isOver, at >= 0, at <= Timestamp.distantFuture.microseconds * 2 else { return nil }
      history.append((at, UInt32(count)))
      last = at
    }
    guard unpacker.isAtEnd else { return nil }
    take(history)
  }
}

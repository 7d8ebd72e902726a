import Jobs

/// A recurring job and where it stands.
final class RecurringEntry {
  let number: Int64
  var id: String
  /// As it was put; nil: of `every`.
  var cronText: String?
  var schedule: RecurringJob.Schedule?
  var zone: String
  var job: NewJob
  /// Of whoever put it: its jobs wait for no others and join no other batches than they could themselves.
  var scope: QueueScope?
  var missedRuns: RecurringJob.MissedRuns
  var overlap: RecurringJob.Overlap
  var isPaused: Bool
  /// When it was put: from then on `every` is counted.
  var anchor: Timestamp
  /// All times up to here are dealt with.
  var handledUntil: Timestamp
  var lastRunAt: Timestamp?
  /// Of the latest job.
  var lastSeq: Int64 = 0
  var isLastUnfinished = false
  /// In the order of times; nil: none comes.
  var next: Timestamp?
  // What this tick changed
  var hasChanged = false
  var isTouched = false

  init(number: Int64, _ recurring: RecurringJob, scope: QueueScope? = nil, now: Timestamp) {
    self.number = number
    id = recurring.id
    job = recurring.job
    missedRuns = recurring.missedRuns
    overlap = recurring.overlap
    isPaused = recurring.isPaused
    anchor = now
    handledUntil = now
    schedule = recurring.schedule
    zone = ""
    put(recurring, scope: scope, now: now)
  }

  /// Takes over what is asked for; what has been made stays known.
  func put(_ recurring: RecurringJob, scope: QueueScope?, now: Timestamp) {
    self.scope = scope
    schedule = recurring.schedule
    switch recurring.schedule {
    case .cron(let cron, let rules):
      cronText = cron.text
      zone = rules.name
    case .every:
      cronText = nil
      zone = ""
    }
    job = recurring.job
    job.id = ""
    missedRuns = recurring.missedRuns
    overlap = recurring.overlap
    isPaused = recurring.isPaused
    anchor = now
    handledUntil = now
    hasChanged = true
  }

  /// The first time after `time`.
  func next(after time: Timestamp) -> Timestamp? { schedule?.next(after: time, anchor: anchor) }

  /// The id of the job for a time: the same whoever makes it.
  func jobID(for time: Timestamp) -> String {
    let text = Self.text(time)
    let room = 128 - text.utf8.count - 1
    if id.utf8.count <= room { return "\(id):\(text)" }
    // Two long ids that begin alike stay apart.
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in id.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    let digits = String(hash, radix: 16)
    return "\(id.prefix(room - digits.utf8.count - 1)).\(digits):\(text)"
  }

  /// 20261128T050000Z, with a fraction if there is one.
  private static func text(_ time: Timestamp) -> String {
    let seconds = Int(time.microseconds / 1_000_000)
    let fraction = Int(time.microseconds % 1_000_000)
    let (year, month, day) = CivilCalendar.date(days: seconds / 86_400)
    func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
    var text =
      "\(year)\(two(month))\(two(day))T\(two(seconds / 3_600 % 24))\(two(seconds / 60 % 60))\(two(seconds % 60))"
    if fraction > 0 {
      let digits = String(1_000_000 + fraction).dropFirst()
      text += ".\(digits)"
    }
    return text + "Z"
  }

  func view(rules: (String) -> TimeZoneRules) -> RecurringView {
    let shown: RecurringJob.Schedule =
      schedule ?? (try? Cron(cronText ?? "@hourly")).map { .cron($0, rules(zone)) } ?? .every(.hours(1))
    return RecurringView(
      job: RecurringJob(
        id: id, schedule: shown, job: job, missedRuns: missedRuns, overlap: overlap, isPaused: isPaused),
      nextRunAt: isPaused ? nil : next, lastRunAt: lastRunAt)
  }

  // MARK: Stored in two documents: what was asked for, and where it stands

  static func termsKey(_ id: String) -> String { "t:" + id }
  static func standingKey(_ id: String) -> String { "s:" + id }

  /// Whether it is already as it is asked for.
  func isLike(_ recurring: RecurringJob) -> Bool {
    let other = RecurringEntry(number: 0, recurring, now: anchor)
    return termsDocument.bytes == other.termsDocument.bytes
  }

  var termsDocument: Document {
    var packer = Packer()
    packer.add(scope == nil ? 1 : 2)
    packer.add(cronText != nil)
    packer.add(cronText ?? "")
    if case .every(let interval) = schedule { packer.add(signed: interval.microseconds) } else { packer.add(signed: 0) }
    packer.add(zone)
    packer.add(UInt64(missedRuns.rawValue))
    packer.add(UInt64(overlap.rawValue))
    packer.add(isPaused)
    packer.add(signed: anchor.microseconds)
    packer.add(job)
    if scope != nil { packer.add(scope: scope) }
    return Document(kind: .recurring, key: Self.termsKey(id), bytes: packer.bytes)
  }

  var standingDocument: Document {
    var packer = Packer()
    packer.add(1)
    packer.add(signed: handledUntil.microseconds)
    packer.add(optional: lastRunAt?.microseconds)
    packer.add(signed: lastSeq)
    return Document(kind: .recurring, key: Self.standingKey(id), bytes: packer.bytes)
  }

  /// - Parameter zones: without the zone's data the job is kept, but no time comes.
  init?(number: Int64, id: String, terms bytes: [UInt8], zones: any TimeZoneSource) {
    var unpacker = Unpacker(bytes)
    guard let version = unpacker.number(), 1...2 ~= version, let isCron = unpacker.flag(), let text = unpacker.text(),
      let every = unpacker.signed(),
      let zone = unpacker.text(), let missed = unpacker.number(), let overlap = unpacker.number(),
      let isPaused = unpacker.flag(), let anchor = unpacker.signed(), let job = unpacker.job(),
      let scope = version == 1 ? .some(nil) : unpacker.scope(), unpacker.isAtEnd,
      let missedRuns = UInt8(exactly: missed).flatMap({ RecurringJob.MissedRuns(rawValue: $0) }),
      let overlap = UInt8(exactly: overlap).flatMap({ RecurringJob.Overlap(rawValue: $0) })
    else { return nil }
    self.number = number
    self.id = id
    self.zone = zone
    self.job = job
    self.scope = scope
    self.missedRuns = missedRuns
    self.overlap = overlap
    self.isPaused = isPaused
    self.anchor = Timestamp(microseconds: anchor)
    handledUntil = self.anchor
    if isCron {
      cronText = text
      guard let cron = try? Cron(text) else { return nil }
      schedule = zones.rules(zone).map { .cron(cron, $0) }
    } else {
      guard every > 0 else { return nil }
      schedule = .every(Interval(microseconds: every))
    }
  }

  func take(standing bytes: [UInt8]) -> Bool {
    var unpacker = Unpacker(bytes)
    guard unpacker.number() == 1, let handled = unpacker.signed(), let last = unpacker.optional(),
      let seq = unpacker.signed(), unpacker.isAtEnd
    else { return false }
    handledUntil = Timestamp(microseconds: handled)
    lastRunAt = last.map { Timestamp(microseconds: $0) }
    lastSeq = seq
    return true
  }
}

/// All recurring jobs, by id and by their next time.
struct RecurringBook {
  var byID: [String: RecurringEntry] = [:]
  var byNumber = NumberTable<RecurringEntry>()
  /// By the next time: wall clock.
  var times = Order()
  var nextNumber: Int64 = 1
  var touched: [RecurringEntry] = []
  var figures = RecurringFigures()
  /// Ids of those that came from the server's document, and go when they are no longer in it.
  var fromDocument: Set<String> = []

  mutating func insert(_ entry: RecurringEntry) {
    byID[entry.id] = entry
    byNumber.insert(entry.number, entry)
  }

  mutating func remove(_ entry: RecurringEntry) {
    byID[entry.id] = nil
    byNumber.remove(entry.number)
    set(entry, nil)
  }

  mutating func set(_ entry: RecurringEntry, _ next: Timestamp?) {
    if let old = entry.next { times.remove(Entry(at: old.microseconds, seq: entry.number)) }
    entry.next = next
    if let next { times.insert(Entry(at: next.microseconds, seq: entry.number)) }
  }

  mutating func touch(_ entry: RecurringEntry) {
    guard !entry.isTouched else { return }
    entry.isTouched = true
    touched.append(entry)
  }
}

/// Since the start.
public struct RecurringFigures: Hashable, Sendable {
  public var fired: UInt64 = 0
  /// Times that made no job: they passed while no server was there, or the job before was not done.
  public var missed: UInt64 = 0
  /// Fired more than a second after their time.
  public var late: UInt64 = 0

  public init() {}
}

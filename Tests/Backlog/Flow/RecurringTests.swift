import Backlog
import Jobs
import Testing

struct RecurringTests {
  private func hourly(
    _ id: String = "r", missed: RecurringJob.MissedRuns = .one, overlap: RecurringJob.Overlap = .allow,
    paused: Bool = false
  ) throws -> RecurringJob {
    RecurringJob(
      id: id, schedule: .cron(try Cron("@hourly"), .utc), job: NewJob(queue: "q", name: "n", body: [7]),
      missedRuns: missed, overlap: overlap, isPaused: paused)
  }

  @Test func eachTimeMakesOneJob() throws {
    let rig = try FlowRig()
    // 1,800,000,000 is a full hour.
    let view = rig.backlog.putRecurring(try hourly(), now: rig.now)
    #expect(view.nextRunAt == rig.now.wall + .hours(1))
    try rig.tick()
    try rig.pass(.minutes(59))
    #expect(try rig.claim().isEmpty)
    try rig.pass(.minutes(1))
    // Not written: the crash loses it; it is made again, once.
    rig.now = rig.now + .seconds(1)
    try rig.restart()
    try rig.settleAll()
    let claimed = try rig.claim(5)
    #expect(claimed.map(\.job.id) == ["r:20270115T090000Z"])
    #expect(claimed[0].job.options.recurringJobID == "r")
    #expect(claimed[0].job.body == [7])
    #expect(rig.backlog.recurring("r")?.lastRunAt == Timestamp(seconds: 1_800_003_600))
  }

  /// What the server makes is never refused: what would be a circle is left out, and the job that is named is there.
  @Test func aJobThatReplacesOneThatItsTemplateWaitsForIsMade() throws {
    let rig = try FlowRig()
    let unique = Uniqueness(key: "k", onConflict: .replace)
    try rig.enqueue("held", JobOptions(unique: unique))
    try rig.enqueue("after", JobOptions(dependsOn: ["held"]))
    try rig.enqueue("last", JobOptions(dependsOn: ["after"]))
    try rig.enqueue("other")
    var recurring = try hourly()
    recurring.job.options = JobOptions(unique: unique, dependsOn: ["last", "held", "other"])
    _ = rig.backlog.putRecurring(recurring, now: rig.now)
    #expect(try rig.backlog.triggerRecurring("r", now: rig.now) == "held")
    try rig.tick()
    let made = try #require(try rig.storage.reader.job(id: "held"))
    #expect(made.state == .blocked && made.job.options.dependsOn == ["other"] && made.job.body == [7])
    try rig.pass(.hours(1))
    #expect(rig.backlog.recurring("r")?.lastRunAt == rig.now.wall)
    try rig.end(rig.claim(5))
    try rig.settleAll()
    #expect(try rig.claim(5).map(\.job.id) == ["held"], "all that it was to wait for but what waits for it is over")
  }

  /// Nobody else's request makes a recurring job believe for ever that its last job is unfinished.
  @Test(arguments: [false, true]) func aJobThatIsReplacedByAnotherEndsForItsRecurringJob(byRecurring: Bool) throws {
    let rig = try FlowRig()
    let unique = JobOptions(unique: Uniqueness(key: "k", onConflict: .replace))
    var recurring = try hourly(overlap: .skip)
    recurring.job.options = unique
    _ = rig.backlog.putRecurring(recurring, now: rig.now)
    try rig.pass(.hours(1))
    let first = "r:20270115T090000Z"
    #expect(try rig.state(first) == .ready)
    if byRecurring {
      recurring.id = "other"
      _ = rig.backlog.putRecurring(recurring, now: rig.now)
      #expect(try rig.backlog.triggerRecurring("other", now: rig.now) == first)
      try rig.tick()
      #expect(rig.backlog.deleteRecurring("other"))
    } else {
      try rig.enqueue("", unique)
    }
    let record = try #require(try rig.storage.reader.job(id: first))
    // Who made it, or asked for what it is now.
    #expect(record.job.options.recurringJobID == (byRecurring ? "other" : "r"))
    try rig.end(rig.claim())
    try rig.pass(.hours(1))
    #expect(try rig.claim().map(\.job.id) == ["r:20270115T100000Z"])
  }

  @Test(arguments: [RecurringJob.MissedRuns.one, .skip, .all])
  func missedRuns(_ missed: RecurringJob.MissedRuns) throws {
    let rig = try FlowRig()
    _ = rig.backlog.putRecurring(try hourly(missed: missed), now: rig.now)
    try rig.tick()
    try rig.restart(after: .minutes(5 * 60 + 30))
    try rig.settleAll()
    let ids = try rig.claim(10).map(\.job.id)
    switch missed {
    case .one: #expect(ids == ["r:20270115T130000Z"])
    case .skip: #expect(ids.isEmpty)
    case .all: #expect(ids == (9...13).map { $0 < 10 ? "r:20270115T0\($0)0000Z" : "r:20270115T\($0)0000Z" })
    }
    #expect(rig.backlog.recurring("r")?.nextRunAt == Timestamp(seconds: 1_800_000_000) + .hours(6))
    var figures = RecurringFigures()
    (figures.fired, figures.late, figures.missed) =
      switch missed {
      case .one: (1, 1, 4)
      case .skip: (0, 0, 5)
      case .all: (5, 5, 0)
      }
    #expect(rig.backlog.flowFigures.recurring == figures)
  }

  /// By how much a time may be late and still count as fired in time, and when it counts as slept through.
  @Test(
    arguments: [
      (0, 1, 0, 0), (1_000, 1, 0, 0), (1_001, 1, 1, 0), (10_000, 1, 1, 0), (10_001, 0, 0, 1),
    ] as [(Int64, UInt64, UInt64, UInt64)])
  func lateAndMissedAreTold(_ late: Int64, _ fired: UInt64, _ told: UInt64, _ missed: UInt64) throws {
    let rig = try FlowRig()
    _ = rig.backlog.putRecurring(try hourly(missed: .skip), now: rig.now)
    try rig.tick()
    try rig.pass(.hours(1) + .milliseconds(late))
    let figures = rig.backlog.flowFigures.recurring
    #expect(figures.fired == fired && figures.late == told && figures.missed == missed)
  }

  @Test func aTimeThatTheJobBeforeIsInTheWayOfIsMissed() throws {
    let rig = try FlowRig()
    _ = rig.backlog.putRecurring(try hourly(overlap: .skip), now: rig.now)
    try rig.tick()
    for _ in 0..<4 { try rig.pass(.hours(1)) }
    #expect(rig.backlog.flowFigures.recurring.fired == 1 && rig.backlog.flowFigures.recurring.missed == 3)
    // What passes while it is paused, and what is made by hand, is neither.
    _ = rig.backlog.putRecurring(try hourly(overlap: .skip, paused: true), now: rig.now)
    try rig.pass(.hours(3))
    #expect(try rig.backlog.triggerRecurring("r", now: rig.now) != nil)
    _ = rig.backlog.putRecurring(try hourly(overlap: .skip), now: rig.now)
    try rig.settleAll()
    #expect(rig.backlog.flowFigures.recurring.fired == 1 && rig.backlog.flowFigures.recurring.missed == 3)
  }

  @Test func allMeansTheLatestThousand() throws {
    let rig = try FlowRig()
    _ = rig.backlog.putRecurring(
      RecurringJob(
        id: "r", schedule: .cron(try Cron("* * * * * *"), .utc), job: NewJob(queue: "q", name: "n"), missedRuns: .all),
      now: rig.now)
    try rig.tick()
    try rig.restart(after: .hours(10))
    try rig.settleAll()
    let made = try rig.all()
    #expect(made.count == 1_000)
    #expect(made.map(\.runAt).min() == rig.now.wall - .seconds(999))
    #expect(made.map(\.runAt).max() == rig.now.wall)
    #expect(made.sorted { $0.seq < $1.seq }.map(\.runAt) == made.map(\.runAt).sorted())
    // Of 35,000: what is not made is not counted without end.
    #expect(rig.backlog.flowFigures.recurring.missed == 3_000)
  }

  @Test func overlapAndPauseAndTrigger() throws {
    let rig = try FlowRig()
    _ = rig.backlog.putRecurring(try hourly(overlap: .skip), now: rig.now)
    try rig.tick()
    try rig.pass(.hours(1))
    try rig.pass(.hours(1))
    #expect(try rig.all().count == 1)
    try rig.restart()
    #expect(try rig.backlog.triggerRecurring("r", now: rig.now) != nil)
    try rig.tick()
    #expect(try rig.all().count == 2)
    try rig.end(rig.claim(5))
    try rig.pass(.hours(1))
    #expect(try rig.all().count == 3)
    // Paused: what passes meanwhile makes no jobs, also later.
    #expect(rig.backlog.putRecurring(try hourly(paused: true), now: rig.now).nextRunAt == nil)
    try rig.tick()
    try rig.pass(.hours(3))
    _ = rig.backlog.putRecurring(try hourly(), now: rig.now)
    try rig.settleAll()
    #expect(try rig.all().count == 3)
    #expect(rig.backlog.deleteRecurring("r"))
    try rig.pass(.hours(3))
    try rig.restart()
    #expect(try rig.all().count == 3 && rig.backlog.recurring("r") == nil)
  }

  @Test func aDocumentIsTakenAsAWholeAndLeavesAPauseByHandUnlessItSays() throws {
    let rig = try FlowRig()
    func take(_ jobs: [(RecurringJob, says: Bool)]) throws {
      rig.backlog.replaceRecurring(
        RecurringDocument(entries: jobs.map { .init($0.0, saysWhetherPaused: $0.says) }), now: rig.now)
      try rig.tick()
    }
    func isPaused(_ id: String) -> Bool? { rig.backlog.recurring(id)?.job.isPaused }
    _ = rig.backlog.putRecurring(try hourly("hand"), now: rig.now)
    try take([(try hourly("a"), false), (try hourly("b"), false), (try hourly("new", paused: true), true)])
    #expect(isPaused("a") == false && isPaused("new") == true)
    for id in ["a", "b"] { _ = rig.backlog.putRecurring(try hourly(id, paused: true), now: rig.now) }
    try rig.tick()
    // Also when the job is another now, and over a restart.
    try rig.restart()
    try rig.settleAll()
    try take([(try hourly("a", overlap: .skip), false), (try hourly("b"), true)])
    #expect(isPaused("a") == true && rig.backlog.recurring("a")?.job.overlap == .skip)
    #expect(isPaused("b") == false)
    #expect(isPaused("new") == nil && isPaused("hand") == false)
  }

  @Test func everyIsCountedFromItsPutting() throws {
    let rig = try FlowRig()
    rig.now = rig.now + .milliseconds(333)
    let view = rig.backlog.putRecurring(
      RecurringJob(id: "e", schedule: .every(.milliseconds(700)), job: NewJob(queue: "q", name: "n")), now: rig.now)
    #expect(view.nextRunAt == rig.now.wall + .milliseconds(700))
    try rig.tick()
    for _ in 0..<10 { try rig.pass(.milliseconds(700)) }
    #expect(try rig.all().count == 10)
    try rig.restart(after: .milliseconds(300))
    #expect(rig.backlog.recurring("e")?.nextRunAt == rig.now.wall + .milliseconds(400))
  }

  @Test func manyInTheSameSecond() throws {
    let rig = try FlowRig()
    for index in 0..<2_000 { _ = rig.backlog.putRecurring(try hourly("r\(index)"), now: rig.now) }
    try rig.tick()
    try rig.pass(.hours(1))
    #expect(try rig.all().count == 2_000)
    #expect(rig.backlog.flowFigures.recurring.fired == 2_000)
  }
}

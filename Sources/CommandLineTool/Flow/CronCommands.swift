import ArgumentParser
import GKick
import Jobs

/// `gkick cron`.
struct CronCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cron", abstract: "Jobs that are made again and again, at the times of a calendar or every so often.",
    subcommands: [
      CronList.self, CronShow.self, CronPut.self, CronDelete.self, CronTrigger.self, CronPause.self, CronResume.self,
      CronNext.self,
    ], defaultSubcommand: CronList.self)
}

struct CronList: RemoteCommand {
  static let configuration = CommandConfiguration(commandName: "list", abstract: "Show all recurring jobs, by id.")

  @OptionGroup var client: ClientFlags

  func run(_ remote: Remote, _ output: Output) async throws {
    let jobs = try await remote.admin.recurring.list()
    output.print(
      jobs, Self.json, table: { Self.table(jobs) },
      ifNone: "no recurring jobs: `gkick cron put nightly --cron '0 3 * * *' report.make` makes one")
  }

  static func table(_ jobs: [GKick.RecurringJob]) -> Table {
    var table = Table("ID", "WHEN", "ZONE", "JOB", "QUEUE", "NEXT", "LAST", "")
    for job in jobs {
      let zone = if case .cron(_, let zone) = job.schedule { zone } else { "-" }
      table.add([
        job.id, when(job), zone, job.name, job.queue, job.nextRunAt.map { Format.time($0.timestamp) } ?? "-",
        job.lastRunAt.map { Format.time($0.timestamp) } ?? "-", job.isPaused ? "paused" : "",
      ])
    }
    return table
  }

  static func when(_ job: GKick.RecurringJob) -> String {
    switch job.schedule {
    case .cron(let text, _): text
    case .every(let duration): "every \(IntervalText.format(duration.interval))"
    }
  }

  static func json(_ job: GKick.RecurringJob) -> JSONValue {
    var schedule: [(String, JSONValue?)] = []
    switch job.schedule {
    case .cron(let text, let zone): schedule = [("cron", .string(text)), ("time_zone", .string(zone))]
    case .every(let duration): schedule = [("every_seconds", .number(duration.interval.seconds))]
    }
    return .members(
      [("id", .string(job.id))] + schedule + [
        ("name", .string(job.name)), ("queue", .string(job.queue)), ("payload", JobDocument.bytes(job.payload)),
        ("missed_runs", .string("\(job.missedRuns)".uppercased())),
        ("overlap", .string("\(job.overlap)".uppercased())), ("paused", .bool(job.isPaused)),
        ("next_run_at", JobDocument.time(job.nextRunAt?.timestamp)),
        ("last_run_at", JobDocument.time(job.lastRunAt?.timestamp)),
      ])
  }
}

struct CronShow: RemoteCommand {
  static let configuration = CommandConfiguration(commandName: "show", abstract: "Show one recurring job.")

  @Argument(help: "Its id.") var id: String
  @OptionGroup var client: ClientFlags

  func run(_ remote: Remote, _ output: Output) async throws {
    let job = try await remote.admin.recurring.job(id)
    output.print(CronList.json(job), Self.page(job, output))
  }

  private static func page(_ job: GKick.RecurringJob, _ output: Output) -> String {
    var lines = [("id", job.id), ("when", CronList.when(job))]
    if case .cron(_, let zone) = job.schedule { lines.append(("time zone", zone)) }
    lines += [
      ("state", job.isPaused ? "paused" : "active"), ("next", job.nextRunAt.map { Format.time($0.timestamp) } ?? "-"),
      ("last", job.lastRunAt.map { Format.time($0.timestamp) } ?? "-"), ("missed", "\(job.missedRuns)"),
      ("overlap", "\(job.overlap)"), ("name", job.name), ("queue", job.queue),
      ("payload", JobDocument.shown(job.payload)),
    ]
    return output.page(lines.map { ($0, Table.onOneLine($1)) })
  }
}

/// When a recurring job comes.
struct ScheduleFlags: ParsableArguments {
  @Option(help: ArgumentHelp("5 fields, or 6 with seconds first, or @hourly and friends.", valueName: "expression"))
  var cron: String?
  @Option(
    help: ArgumentHelp("Or every so often, for example 15m; at least 100ms.", valueName: "time"),
    transform: IntervalText.read)
  var every: Interval?
  @Option(
    help: ArgumentHelp("The time zone of --cron, for example Europe/Berlin. (default: UTC)", valueName: "zone"),
    transform: GivenText.read)
  var timeZone: String?

  var isGiven: Bool { cron != nil || every != nil || timeZone != nil }

  func schedule() throws -> GKick.RecurringJob.Schedule {
    switch (cron, every) {
    case (let cron?, nil):
      do { _ = try Cron(cron) } catch { throw ValidationError("--cron: '\(cron)': \(error.message)") }
      return .cron(cron, timeZone: timeZone ?? "UTC")
    case (nil, let every?):
      guard timeZone == nil else { throw ValidationError("--time-zone goes with --cron") }
      guard every >= Jobs.RecurringJob.shortestInterval else {
        throw ValidationError("--every: '\(IntervalText.format(every))' is less than 100ms")
      }
      return .every(every.duration)
    default: throw ValidationError("say when: either --cron or --every")
    }
  }
}

struct CronPut: RemoteCommand {
  static let configuration = CommandConfiguration(
    commandName: "put", abstract: "Make a recurring job, or put it in the place of the one that was there.",
    discussion: """
      The times of --every are counted from this call. Examples:
        gkick cron put nightly --cron '0 3 * * *' --time-zone Europe/Berlin report.make '{"of": "yesterday"}'
        gkick cron put poll --every 15s --overlap skip feed.poll
      """)

  private static let missedRuns = Choice<GKick.RecurringJob.MissedRuns>(.one, .skip, .all)
  private static let overlaps = Choice<GKick.RecurringJob.Overlap>(.allow, .skip)

  @Argument(help: "Its id; the ids of its jobs begin with it.") var recurring: String
  @OptionGroup var schedule: ScheduleFlags
  @Option(
    help: "What becomes of times that pass while no server is there: one, skip or all. (default: one)",
    completion: Self.missedRuns.completion, transform: Self.missedRuns.read)
  var missed: GKick.RecurringJob.MissedRuns = .one
  @Option(
    help: "While the last job is unfinished: allow a new one, or skip. (default: allow)",
    completion: Self.overlaps.completion, transform: Self.overlaps.read)
  var overlap: GKick.RecurringJob.Overlap = .allow
  @Flag(help: "Make none for now.") var paused = false
  @OptionGroup var job: JobFlags
  @OptionGroup var client: ClientFlags

  func validate() throws {
    _ = try schedule.schedule()
    for (flag, isGiven) in [
      ("--id", job.id != nil), ("--lines", job.lines), ("--start-within", job.startWithin != nil),
      ("--durability", job.durability != nil),
    ] where isGiven {
      throw ValidationError("\(flag) is for one job, not for those that come again and again")
    }
  }

  func run(_ remote: Remote, _ output: Output) async throws {
    var request = job.request(.now, now: .now)
    request.payload = try job.readPayload()
    let put = try await remote.admin.recurring.put(
      GKick.RecurringJob(
        id: recurring, schedule: try schedule.schedule(), request: request, missedRuns: missed, overlap: overlap,
        isPaused: paused))
    output.print(
      CronList.json(put),
      "\(Table.onOneLine(put.id)): "
        + (put.nextRunAt.map { "next at \(Format.time($0.timestamp))" } ?? (put.isPaused ? "paused" : "never again")))
  }
}

struct CronDelete: RemoteCommand {
  static let configuration = CommandConfiguration(
    commandName: "delete", abstract: "Take a recurring job away; jobs that it made stay.")

  @Argument(help: "Its id.") var id: String
  @OptionGroup var client: ClientFlags

  func run(_ remote: Remote, _ output: Output) async throws {
    try await remote.admin.recurring.delete(id)
    output.print(.object([("deleted", .string(id))]), "\(Table.onOneLine(id)) comes no more")
  }
}

struct CronTrigger: RemoteCommand {
  static let configuration = CommandConfiguration(
    commandName: "trigger", abstract: "Make one job now, also when paused or overlapping; prints its id.")

  @Argument(help: "Its id.") var id: String
  @OptionGroup var client: ClientFlags

  func run(_ remote: Remote, _ output: Output) async throws {
    let jobID = try await remote.admin.recurring.trigger(id)
    output.print(.object([("job_id", .string(jobID))]), Table.onOneLine(jobID))
  }
}

struct CronPause: RemoteCommand {
  static let configuration = CommandConfiguration(
    commandName: "pause", abstract: "Make none for now; times that pass meanwhile are not made up for.")

  @Argument(help: "Its id.") var id: String
  @OptionGroup var client: ClientFlags

  func run(_ remote: Remote, _ output: Output) async throws {
    let job = try await remote.admin.recurring.pause(id)
    let name = Table.onOneLine(id)
    output.print(CronList.json(job), "\(name) is paused; `gkick cron resume \(name)` goes on")
  }
}

struct CronResume: RemoteCommand {
  static let configuration = CommandConfiguration(
    commandName: "resume", abstract: "Let a paused one go on; the times of --every are counted from now.")

  @Argument(help: "Its id.") var id: String
  @OptionGroup var client: ClientFlags

  func run(_ remote: Remote, _ output: Output) async throws {
    let job = try await remote.admin.recurring.resume(id)
    output.print(
      CronList.json(job),
      "\(Table.onOneLine(id)) goes on" + (job.nextRunAt.map { ", next at \(Format.time($0.timestamp))" } ?? ""))
  }
}

struct CronNext: RemoteCommand {
  static let configuration = CommandConfiguration(
    commandName: "next", abstract: "Show the next times of a recurring job, or of an expression without putting it.",
    discussion: """
      Examples:
        gkick cron next nightly
        gkick cron next --cron '0 3 L * *' --time-zone Europe/Berlin
      """)

  @Argument(help: "Its id.") var id: String?
  @OptionGroup var schedule: ScheduleFlags
  @Option(name: [.customShort("c"), .long], help: "So many, at most 1,000.") var count = 10
  @OptionGroup var client: ClientFlags

  func validate() throws {
    if let id, schedule.isGiven {
      throw ValidationError("say one: the id '\(id)', or an expression by --cron or --every")
    }
    guard id != nil || schedule.isGiven else {
      throw ValidationError("say which: an id, or an expression by --cron or --every")
    }
    if id == nil { _ = try schedule.schedule() }
    guard (1...1_000).contains(count) else { throw ValidationError("--count: \(count) is not 1 to 1,000") }
  }

  func run(_ remote: Remote, _ output: Output) async throws {
    let times: [Timestamp]
    if let id {
      let job = try await remote.admin.recurring.job(id)
      // As the server counts `every`: from when it was put, which its next time tells.
      if case .every(let period) = job.schedule {
        let first = job.nextRunAt?.timestamp
        times =
          first.map { first in
            (0..<Int64(count)).map { first + Interval(microseconds: period.interval.microseconds * $0) }
          } ?? []
      } else {
        times = try await remote.admin.recurring.times(of: job.schedule, count: count).map(\.timestamp)
      }
      if job.isPaused, !output.json { Terminal.note("\(Table.onOneLine(id)) is paused: it makes no jobs") }
    } else {
      times = try await remote.admin.recurring.times(of: try schedule.schedule(), count: count).map(\.timestamp)
    }
    for time in times { output.print(.object([("at", .string(Format.time(time)))]), Format.time(time)) }
  }
}

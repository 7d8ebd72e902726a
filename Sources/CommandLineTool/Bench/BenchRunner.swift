import GKick
import Jobs
import NIOCore
import NIOPosix
import RPC
import RPCTransport

/// Runs one scenario after the other against a server.
struct BenchRunner {
  let settings: BenchSettings
  let client: ClientSettings
  let meter: ServerMeter

  /// How long after the last enqueue its job may take before the bench gives it up.
  private static let patience = TimeAmount.seconds(60)

  func run(_ scenario: BenchScenario) async throws -> BenchReport {
    switch scenario {
    case .enqueue: try await enqueue()
    case .drain: try await drain()
    case .both: try await both()
    case .latency: try await latency()
    }
  }

  // MARK: - Scenarios

  private func enqueue() async throws -> BenchReport {
    let run = BenchRun(total: settings.jobs, until: end)
    return try await measure(.enqueue, run) { report in
      report.acknowledged = try await produce(run, settings, label: "enqueue")
    }
  }

  private func drain() async throws -> BenchReport {
    var quick = settings
    quick.mode = .stream
    quick.batchSize = min(1_000, max(1, (1 << 20) / max(1, settings.payload + 64)))
    quick.inFlight = 4 * settings.connections
    let fill = BenchRun(total: settings.jobs, until: end)
    _ = try await produce(fill, quick, label: "preload")
    try check(fill)
    let run = BenchRun(total: fill.finishedJobs, until: .distantFuture)
    return try await measure(.drain, run) { report in
      let crew = try await Crew(self, run, measuresStart: false)
      try await wait(run, label: "drain")
      _ = try await crew.dismiss()
    }
  }

  private func both() async throws -> BenchReport {
    let enqueued = BenchRun(total: settings.jobs, until: end)
    let run = BenchRun(total: settings.jobs, until: .distantFuture)
    let crew = try await Crew(self, run, measuresStart: false)
    return try await measure(.both, run) { report in
      report.acknowledged = try await produce(enqueued, settings, label: "both")
      try check(enqueued)
      try await wait(run, atLeast: enqueued.finishedJobs, label: "both")
      _ = try await crew.dismiss()
    }
  }

  private func latency() async throws -> BenchReport {
    let jobs = max(1, Int(Double(settings.rate) * settings.duration.seconds))
    let enqueued = BenchRun(total: jobs, until: .distantFuture)
    let run = BenchRun(total: jobs, until: .distantFuture)
    let crew = try await Crew(self, run, measuresStart: true)
    var report = try await measure(.latency, run) { report in
      let lanes = min(settings.connections, jobs)
      let start = NIODeadline.now() + .milliseconds(20)
      report.acknowledged = try await onLanes(lanes) { channel, lane, completed in
        let paced = PacedLane(
          channel: channel, run: enqueued, settings: settings, start: start,
          jobs: jobs / lanes + (lane < jobs % lanes ? 1 : 0), lanes: lanes, offset: Double(lane) / Double(lanes),
          completed: completed)
        paced.begin()
      }
      try await wait(run, atLeast: jobs - enqueued.failedJobs, label: "latency")
      report.started = try await crew.dismiss()
    }
    report.rate = settings.rate
    report.failed += enqueued.failedJobs
    if report.failure == nil { report.failure = enqueued.failure }
    return report
  }

  private var end: NIODeadline { .now() + .microseconds(settings.duration.microseconds) }

  /// Times `body`, with what server and bench used meanwhile.
  private func measure(
    _ scenario: BenchScenario, _ run: BenchRun, _ body: (inout BenchReport) async throws -> Void
  ) async throws -> BenchReport {
    var report = BenchReport(scenario: scenario)
    let serverBefore = await meter.cpuSeconds()
    let before = ProcessFigures.read().cpuSeconds
    let start = NIODeadline.now()
    try await body(&report)
    report.seconds = Double((NIODeadline.now() - start).nanoseconds) / 1e9
    report.jobs = run.finishedJobs
    report.failed = run.failedJobs
    report.failure = run.failure
    report.benchCPU = ProcessFigures.read().cpuSeconds - before
    if let serverBefore, let after = await meter.cpuSeconds() { report.serverCPU = after - serverBefore }
    return report
  }

  /// A scenario whose preparation failed says nothing.
  private func check(_ run: BenchRun) throws {
    if run.finishedJobs == 0, let failure = run.failure { throw failure }
  }

  // MARK: - Producers

  private func produce(_ run: BenchRun, _ settings: BenchSettings, label: String) async throws -> Latencies {
    let lanes = min(settings.connections, settings.inFlight)
    var bar = ProgressBar(label, total: UInt64(run.total))
    async let watching: Void = watch(run, &bar)
    let result = try await onLanes(lanes) { channel, lane, completed in
      let depth = settings.inFlight / lanes + (lane < settings.inFlight % lanes ? 1 : 0)
      if settings.mode == .stream {
        let stream = NIOLoopBound(
          StreamLane(depth: depth, run: run, settings: settings, completed: completed), eventLoop: channel.eventLoop)
        channel.open("/gkick.v1.JobService/EnqueueStream", metadata: settings.metadata) { stream.value }
      } else {
        ProducerLane(channel: channel, run: run, settings: settings, completed: completed).start(calls: depth)
      }
    }
    run.stop()
    await watching
    return result
  }

  /// So many connections, each with a producer made on its loop; what all of them found out.
  private func onLanes(
    _ count: Int,
    _ begin: @escaping @Sendable (ClientChannel, Int, EventLoopPromise<Latencies>) -> Void
  ) async throws -> Latencies {
    var channels: [ClientChannel] = []
    var results: [EventLoopFuture<Latencies>] = []
    for lane in 0..<count {
      let channel = try client.channel()
      let completed = channel.eventLoop.makePromise(of: Latencies.self)
      channels.append(channel)
      results.append(completed.futureResult)
      channel.eventLoop.execute { begin(channel, lane, completed) }
    }
    var all = Latencies()
    for result in results { all.add(try await result.get()) }
    for channel in channels { await channel.close() }
    return all
  }

  // MARK: - Progress

  private func watch(_ run: BenchRun, _ bar: inout ProgressBar) async {
    while !run.isOver {
      bar.update(UInt64(run.finishedJobs), note: Format.count(UInt64(run.finishedJobs)))
      try? await Task.sleep(for: .milliseconds(50))
    }
    bar.finish()
  }

  /// Until so many jobs have ended (all, if not said).
  private func wait(_ run: BenchRun, atLeast count: Int? = nil, label: String) async throws {
    let count = count ?? run.total
    var bar = ProgressBar(label, total: UInt64(max(1, count)))
    defer { bar.finish() }
    var seen = -1
    var deadline = NIODeadline.now() + Self.patience
    while run.finishedJobs + run.failedJobs < count {
      if run.finishedJobs != seen {
        seen = run.finishedJobs
        deadline = .now() + Self.patience
      }
      guard NIODeadline.now() < deadline else {
        throw Status(
          .deadlineExceeded, "\(count - seen) of \(count) jobs did not end, and none in the last minute")
      }
      bar.update(UInt64(seen), note: Format.count(UInt64(seen)))
      try await Task.sleep(for: .milliseconds(2))
    }
  }
}

/// The bench's workers.
private struct Crew {
  private var lanes: [(channel: ClientChannel, lane: NIOLoopBound<WorkerLane>, ended: EventLoopFuture<Latencies>)] = []

  /// Returns when all are welcome.
  init(_ runner: BenchRunner, _ run: BenchRun, measuresStart: Bool) async throws {
    let settings = runner.settings
    for _ in 0..<settings.workers {
      let channel = try runner.client.channel()
      let ready = channel.eventLoop.makePromise(of: Void.self)
      let completed = channel.eventLoop.makePromise(of: Latencies.self)
      let lane = try await channel.eventLoop.submit {
        let lane = NIOLoopBound(
          WorkerLane(run: run, settings: settings, measuresStart: measuresStart, ready: ready, completed: completed),
          eventLoop: channel.eventLoop)
        channel.open("/gkick.v1.WorkerService/Work", metadata: runner.settings.metadata) { lane.value }
        return lane
      }.get()
      try await ready.futureResult.get()
      lanes.append((channel, lane, completed.futureResult))
    }
  }

  /// Sends them home; how long jobs had waited until they started.
  func dismiss() async throws -> Latencies {
    var all = Latencies()
    for (channel, lane, ended) in lanes {
      channel.eventLoop.execute { lane.value.drain() }
      all.add(try await ended.get())
      await channel.close()
    }
    return all
  }
}

import Engine
import Jobs
import RPC
import RPCTransport
import Services
import Telemetry

/// Everything /metrics tells, gathered once and written as text.
struct MetricsPage {
  var host: HostStatistics?
  /// The first `maxQueues` of them.
  var queues: [QueueView]
  var workers: [WorkerView]
  var limits: [LimitView] = []
  var calls: [CallMetrics.Row]
  var transport: TransportStatistics
  var process: ProcessFigures
  var startedAt: Timestamp
  var store: String
  /// nil: the store is this server's alone.
  var leadership: LeadershipStatus?
  /// How often it was seen to change who leads.
  var leaderChanges: UInt64 = 0
  var isStoreWell = true
  /// What was found missing or damaged in the store when it was opened.
  var storeFindings = 0
  /// nil: no embedded store.
  var files: StoreFiles?
  /// nil: nothing is traced.
  var spans: TelemetryFigures?
  /// Because of who called.
  var refused: (unauthenticated: UInt64, denied: UInt64) = (0, 0)

  /// More queues than this are not told one by one: a page must stay small whatever producers name their queues.
  static let maxQueues = 1_000

  func text() -> String {
    var page = PrometheusText()
    page.family("gkick_info", .gauge, "The server: always 1.")
    page.sample("gkick_info", [("version", Version.text), ("store", store)], 1 as UInt64)
    if let leadership { write(leadership, to: &page) }
    page.family("gkick_auth_refusals_total", .counter, "Calls refused because of who called, or did not say.")
    page.sample("gkick_auth_refusals_total", [("code", "UNAUTHENTICATED")], refused.unauthenticated)
    page.sample("gkick_auth_refusals_total", [("code", "PERMISSION_DENIED")], refused.denied)
    write(queues, to: &page)
    if let host {
      write(host.engine, to: &page)
      writeFlow(host.engine, to: &page)
      write(host, to: &page)
    }
    writeWorkers(to: &page)
    writeCalls(to: &page)
    writeTransport(to: &page)
    writeStore(to: &page)
    if let spans { write(spans, to: &page) }
    writeProcess(to: &page)
    return page.text
  }

  private func write(_ leadership: LeadershipStatus, to page: inout PrometheusText) {
    page.add(
      "gkick_leads", .gauge, leadership.leads ? 1 as UInt64 : 0,
      "1: this server leads, 0: it hands calls on to the one that does.")
    page.family("gkick_leader_since_seconds", .gauge, "Since when it is so, in seconds since 1970.")
    page.sample(
      "gkick_leader_since_seconds", [("leader", leadership.leaderID)], Double(leadership.since.microseconds) / 1e6)
    page.add(
      "gkick_leader_renewed_seconds", .gauge, leadership.renewedAgo.seconds,
      "How long ago the store was last asked who leads, or told.")
    page.add(
      "gkick_leader_changes_total", .counter, leaderChanges,
      "How often another server, or this one, was seen to begin to lead.")
    page.add("gkick_servers", .gauge, UInt64(leadership.servers.count), "Servers on this store.")
  }

  private func write(_ queues: [QueueView], to page: inout PrometheusText) {
    page.family("gkick_queue_jobs", .gauge, "Jobs in a queue, by state.")
    for queue in queues {
      let figures = queue.statistics
      for (state, count) in [
        ("ready", figures.ready), ("scheduled", figures.scheduled), ("running", figures.running),
        ("dead", figures.dead), ("blocked", figures.blocked),
      ] {
        page.sample("gkick_queue_jobs", [("queue", figures.name), ("state", state)], count)
      }
    }
    page.family("gkick_queue_oldest_ready_seconds", .gauge, "How long the job that is ready longest has waited.")
    for queue in queues {
      let age = queue.oldestReadyAge?.seconds ?? 0
      page.sample("gkick_queue_oldest_ready_seconds", [("queue", queue.statistics.name)], age)
    }
    page.family("gkick_queue_paused", .gauge, "1: nothing of the queue is started.")
    for queue in queues {
      page.sample("gkick_queue_paused", [("queue", queue.statistics.name)], queue.statistics.paused ? 1 as UInt64 : 0)
    }
    page.family("gkick_queue_workers", .gauge, "Workers that subscribe to the queue now.")
    for queue in queues {
      page.sample("gkick_queue_workers", [("queue", queue.statistics.name)], UInt64(queue.workers))
    }
    page.add(
      "gkick_queues_not_shown", .gauge, UInt64(max(0, (host?.engine.depth.queues ?? 0) - queues.count)),
      "Queues left out of this page.")
  }

  private func writeFlow(_ engine: EngineStatistics, to page: inout PrometheusText) {
    let flow = engine.flow
    page.family("gkick_limit_held_back", .gauge, "Ready jobs that a limit lets not start now.")
    for view in limits {
      page.sample("gkick_limit_held_back", [("limit", view.limit.scope.description)], view.usage.heldBack)
    }
    page.family("gkick_limit_running", .gauge, "Jobs that run and a limit covers.")
    for view in limits {
      page.sample("gkick_limit_running", [("limit", view.limit.scope.description)], view.usage.running)
    }
    page.add("gkick_batches_open", .gauge, UInt64(flow.openBatches), "Batches that are not finished.")
    page.add("gkick_recurring_jobs", .gauge, UInt64(flow.recurringJobs), "Recurring jobs.")
    page.family("gkick_recurring_total", .counter, "Times of recurring jobs: fired, of these late, and missed.")
    for (outcome, count) in [
      ("fired", flow.recurring.fired), ("late", flow.recurring.late), ("missed", flow.recurring.missed),
    ] {
      page.sample("gkick_recurring_total", [("outcome", outcome)], count)
    }
  }

  private func write(_ engine: EngineStatistics, to page: inout PrometheusText) {
    let queues = engine.queues.sorted { $0.key < $1.key }
    page.family("gkick_jobs_total", .counter, "Steps of jobs since the server's start, by queue and outcome.")
    for (name, queue) in queues {
      for (outcome, count) in [
        ("enqueued", queue.enqueued), ("started", queue.started), ("succeeded", queue.succeeded),
        ("failed", queue.failed), ("dead", queue.dead), ("canceled", queue.canceled), ("expired", queue.expired),
        ("lost", queue.lost),
      ] {
        page.sample("gkick_jobs_total", [("queue", name), ("outcome", outcome)], count)
      }
    }
    page.family("gkick_job_wait_seconds", .histogram, "From due to started.")
    for (name, queue) in queues { write(queue.wait, "gkick_job_wait_seconds", [("queue", name)], to: &page) }
    page.family("gkick_job_run_seconds", .histogram, "From started to reported.")
    for (name, queue) in queues { write(queue.run, "gkick_job_run_seconds", [("queue", name)], to: &page) }
  }

  private func write(_ host: HostStatistics, to page: inout PrometheusText) {
    let engine = host.engine
    page.add("gkick_ticks_total", .counter, engine.ticks, "Ticks of the engine.")
    page.add("gkick_commands_total", .counter, engine.commands, "Commands the engine was given.")
    page.add(
      "gkick_commands_waiting", .gauge, UInt64(max(0, host.waitingCommands)), "Commands that wait for the next tick.")
    page.add(
      "gkick_commands_refused_total", .counter, host.refusedCommands, "Commands refused because too many waited.")
    page.family("gkick_commits_total", .counter, "Transactions of the store, by durability.")
    page.sample("gkick_commits_total", [("durability", "synced")], engine.syncedCommits)
    page.sample("gkick_commits_total", [("durability", "relaxed")], engine.relaxedCommits)
    page.family("gkick_tick_seconds", .histogram, "One tick: decisions and commit.")
    write(host.tick, "gkick_tick_seconds", [], to: &page)
    page.family("gkick_commit_seconds", .histogram, "One commit, its fsync included.")
    write(host.commit, "gkick_commit_seconds", [], to: &page)
    page.add("gkick_store_failures_total", .counter, engine.storeFailures, "Ticks whose store failed.")
    page.add("gkick_reads_failed_total", .counter, host.failedReads, "Look-ups whose store failed.")
    page.add("gkick_watchers", .gauge, engine.watchers, "Callers of StreamEvents.")
  }

  private func write(
    _ histogram: EngineStatistics.Histogram, _ name: String, _ labels: [(String, String)], to page: inout PrometheusText
  ) {
    page.histogram(name, labels, bounds: EngineStatistics.buckets, counts: histogram.counts, sum: histogram.sum)
  }

  /// Not one by one: worker ids are without bound.
  private func writeWorkers(to page: inout PrometheusText) {
    page.family("gkick_workers", .gauge, "Workers known now.")
    page.sample("gkick_workers", [("state", "active")], UInt64(workers.count { !$0.draining }))
    page.sample("gkick_workers", [("state", "draining")], UInt64(workers.count { $0.draining }))
    page.family("gkick_worker_slots", .gauge, "What workers can hold, and what they hold.")
    page.sample("gkick_worker_slots", [("state", "total")], workers.reduce(0) { $0 + UInt64($1.maxInFlight) })
    page.sample("gkick_worker_slots", [("state", "running")], workers.reduce(0) { $0 + UInt64($1.running) })
  }

  private func writeCalls(to page: inout PrometheusText) {
    page.family("gkick_rpcs_total", .counter, "Calls that ended, by method and gRPC status code.")
    for row in calls {
      page.sample("gkick_rpcs_total", [("method", String(row.path.dropFirst())), ("code", "\(row.code)")], row.count)
    }
    page.family("gkick_rpc_seconds_total", .counter, "Time spent in calls that ended; of a stream, its whole life.")
    for path in Set(calls.map(\.path)).sorted() {
      let seconds = calls.reduce(0) { $0 + ($1.path == path ? $1.figures.seconds : 0) }
      page.sample("gkick_rpc_seconds_total", [("method", String(path.dropFirst()))], seconds)
    }
    page.family(
      "gkick_rpc_duration_seconds", .histogram, "From a call's begin to its end; of a stream, its whole life.")
    for row in calls {
      page.histogram(
        "gkick_rpc_duration_seconds", [("method", String(row.path.dropFirst())), ("code", "\(row.code)")],
        bounds: LoopCells.bounds, counts: row.figures.counts, sum: row.figures.seconds)
    }
  }

  private func writeStore(to page: inout PrometheusText) {
    page.add(
      "gkick_store_up", .gauge, isStoreWell ? 1 as UInt64 : 0,
      "1: the store takes writes, as far as is known here; 0: it fails.")
    guard let files else { return }
    page.add(
      "gkick_store_findings", .gauge, UInt64(storeFindings),
      "What was found missing or damaged in the embedded store when it was opened.")
    page.family("gkick_store_bytes", .gauge, "What the embedded store takes on its disk.")
    page.sample("gkick_store_bytes", [("part", "database")], files.database)
    page.sample("gkick_store_bytes", [("part", "log")], files.log)
    page.add("gkick_store_free_bytes", .gauge, files.free, "Room that is left on that disk.")
  }

  private func write(_ spans: TelemetryFigures, to page: inout PrometheusText) {
    page.family("gkick_spans_total", .counter, "Spans for the collector of --otlp.")
    for (outcome, count) in [("sent", spans.sent), ("dropped", spans.dropped), ("rejected", spans.rejected)] {
      page.sample("gkick_spans_total", [("outcome", outcome)], count)
    }
    page.add("gkick_spans_waiting", .gauge, UInt64(spans.waiting), "Spans that wait to be sent.")
  }

  private func writeTransport(to page: inout PrometheusText) {
    page.add("gkick_connections", .gauge, UInt64(max(0, transport.openConnections)), "Open connections.")
    page.add("gkick_calls_open", .gauge, UInt64(max(0, transport.openCalls)), "Calls that have begun and not ended.")
    for (name, count, help) in [
      ("gkick_connections_accepted_total", transport.acceptedConnections, "Connections accepted."),
      ("gkick_connections_refused_total", transport.refusedConnections, "Connections closed at once: too many."),
      ("gkick_connections_ended_total", transport.endedConnections, "Connections ended for what the peer did."),
      ("gkick_received_bytes_total", transport.receivedBytes, "Bytes read from connections."),
      ("gkick_sent_bytes_total", transport.sentBytes, "Bytes written to connections."),
    ] {
      page.add(name, .counter, UInt64(max(0, count)), help)
    }
  }

  private func writeProcess(to page: inout PrometheusText) {
    page.add("process_cpu_seconds_total", .counter, process.cpuSeconds, "User and system CPU time.")
    page.add("process_resident_memory_bytes", .gauge, process.residentBytes, "Resident memory.")
    page.add("process_open_fds", .gauge, process.openFiles, "Open file descriptors.")
    page.add("process_max_fds", .gauge, process.maxFiles, "How many file descriptors may be open.")
    page.add(
      "process_start_time_seconds", .gauge, Double(startedAt.microseconds) / 1e6,
      "When the server started, in seconds since 1970.")
  }
}

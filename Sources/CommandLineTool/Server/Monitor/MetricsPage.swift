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
    page.family("gkick_leads", .gauge, "1: this server leads, 0: it hands calls on to the one that does.")
    page.sample("gkick_leads", [], leadership.leads ? 1 as UInt64 : 0)
    page.family("gkick_leader_since_seconds", .gauge, "Since when it is so, in seconds since 1970.")
    page.sample(
      "gkick_leader_since_seconds", [("leader", leadership.leaderID)], Double(leadership.since.microseconds) / 1e6)
    page.family("gkick_leader_renewed_seconds", .gauge, "How long ago the store was last asked who leads, or told.")
    page.sample("gkick_leader_renewed_seconds", [], leadership.renewedAgo.seconds)
    page.family(
      "gkick_leader_changes_total", .counter, "How often another server, or this one, was seen to begin to lead.")
    page.sample("gkick_leader_changes_total", [], leaderChanges)
    page.family("gkick_servers", .gauge, "Servers on this store.")
    page.sample("gkick_servers", [], UInt64(leadership.servers.count))
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
    page.family("gkick_queues_not_shown", .gauge, "Queues left out of this page.")
    page.sample("gkick_queues_not_shown", [], UInt64(max(0, (host?.engine.depth.queues ?? 0) - queues.count)))
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
    page.family("gkick_batches_open", .gauge, "Batches that are not finished.")
    page.sample("gkick_batches_open", [], UInt64(flow.openBatches))
    page.family("gkick_recurring_jobs", .gauge, "Recurring jobs.")
    page.sample("gkick_recurring_jobs", [], UInt64(flow.recurringJobs))
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
    page.family("gkick_ticks_total", .counter, "Ticks of the engine.")
    page.sample("gkick_ticks_total", [], engine.ticks)
    page.family("gkick_commands_total", .counter, "Commands the engine was given.")
    page.sample("gkick_commands_total", [], engine.commands)
    page.family("gkick_commands_waiting", .gauge, "Commands that wait for the next tick.")
    page.sample("gkick_commands_waiting", [], UInt64(max(0, host.waitingCommands)))
    page.family("gkick_commands_refused_total", .counter, "Commands refused because too many waited.")
    page.sample("gkick_commands_refused_total", [], host.refusedCommands)
    page.family("gkick_commits_total", .counter, "Transactions of the store, by durability.")
    page.sample("gkick_commits_total", [("durability", "synced")], engine.syncedCommits)
    page.sample("gkick_commits_total", [("durability", "relaxed")], engine.relaxedCommits)
    page.family("gkick_tick_seconds", .histogram, "One tick: decisions and commit.")
    write(host.tick, "gkick_tick_seconds", [], to: &page)
    page.family("gkick_commit_seconds", .histogram, "One commit, its fsync included.")
    write(host.commit, "gkick_commit_seconds", [], to: &page)
    page.family("gkick_store_failures_total", .counter, "Ticks whose store failed.")
    page.sample("gkick_store_failures_total", [], engine.storeFailures)
    page.family("gkick_reads_failed_total", .counter, "Look-ups whose store failed.")
    page.sample("gkick_reads_failed_total", [], host.failedReads)
    page.family("gkick_watchers", .gauge, "Callers of StreamEvents.")
    page.sample("gkick_watchers", [], engine.watchers)
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
    page.family("gkick_store_up", .gauge, "1: the store takes writes, as far as is known here; 0: it fails.")
    page.sample("gkick_store_up", [], isStoreWell ? 1 as UInt64 : 0)
    guard let files else { return }
    page.family(
      "gkick_store_findings", .gauge, "What was found missing or damaged in the embedded store when it was opened.")
    page.sample("gkick_store_findings", [], UInt64(storeFindings))
    page.family("gkick_store_bytes", .gauge, "What the embedded store takes on its disk.")
    page.sample("gkick_store_bytes", [("part", "database")], files.database)
    page.sample("gkick_store_bytes", [("part", "log")], files.log)
    page.family("gkick_store_free_bytes", .gauge, "Room that is left on that disk.")
    page.sample("gkick_store_free_bytes", [], files.free)
  }

  private func write(_ spans: TelemetryFigures, to page: inout PrometheusText) {
    page.family("gkick_spans_total", .counter, "Spans for the collector of --otlp.")
    for (outcome, count) in [("sent", spans.sent), ("dropped", spans.dropped), ("rejected", spans.rejected)] {
      page.sample("gkick_spans_total", [("outcome", outcome)], count)
    }
    page.family("gkick_spans_waiting", .gauge, "Spans that wait to be sent.")
    page.sample("gkick_spans_waiting", [], UInt64(spans.waiting))
  }

  private func writeTransport(to page: inout PrometheusText) {
    page.family("gkick_connections", .gauge, "Open connections.")
    page.sample("gkick_connections", [], UInt64(max(0, transport.openConnections)))
    page.family("gkick_calls_open", .gauge, "Calls that have begun and not ended.")
    page.sample("gkick_calls_open", [], UInt64(max(0, transport.openCalls)))
    for (name, count, help) in [
      ("gkick_connections_accepted_total", transport.acceptedConnections, "Connections accepted."),
      ("gkick_connections_refused_total", transport.refusedConnections, "Connections closed at once: too many."),
      ("gkick_connections_ended_total", transport.endedConnections, "Connections ended for what the peer did."),
      ("gkick_received_bytes_total", transport.receivedBytes, "Bytes read from connections."),
      ("gkick_sent_bytes_total", transport.sentBytes, "Bytes written to connections."),
    ] {
      page.family(name, .counter, help)
      page.sample(name, [], UInt64(max(0, count)))
    }
  }

  private func writeProcess(to page: inout PrometheusText) {
    page.family("process_cpu_seconds_total", .counter, "User and system CPU time.")
    page.sample("process_cpu_seconds_total", [], process.cpuSeconds)
    page.family("process_resident_memory_bytes", .gauge, "Resident memory.")
    page.sample("process_resident_memory_bytes", [], process.residentBytes)
    page.family("process_open_fds", .gauge, "Open file descriptors.")
    page.sample("process_open_fds", [], process.openFiles)
    page.family("process_max_fds", .gauge, "How many file descriptors may be open.")
    page.sample("process_max_fds", [], process.maxFiles)
    page.family("process_start_time_seconds", .gauge, "When the server started, in seconds since 1970.")
    page.sample("process_start_time_seconds", [], Double(startedAt.microseconds) / 1e6)
  }
}

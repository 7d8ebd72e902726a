import Jobs
import Wire

/// What `gkick top` shows: the totals as they are, the rates from one look to the next.
struct TopPicture {
  private struct Totals {
    var succeeded: UInt64
    var failed: UInt64
  }
  private var server: ServerDescription?
  private var queues: [QueueView] = []
  private var workers: [WorkerView] = []
  private var at: Timestamp?
  private var before: [String: Totals] = [:]
  private var rates: [String: (succeeded: Double, failed: Double)] = [:]

  mutating func update(server: ServerDescription, queues: [QueueView], workers: [WorkerView], at now: Timestamp) {
    if let at, now > at {
      let seconds = (now - at).seconds
      rates = [:]
      for queue in queues {
        let figures = queue.statistics
        guard let old = before[figures.name] else { continue }
        // Totals only fall when the store was replaced: then there is no rate to tell.
        rates[figures.name] = (
          Double(figures.succeededTotal &- min(old.succeeded, figures.succeededTotal)) / seconds,
          Double(figures.failedTotal &- min(old.failed, figures.failedTotal)) / seconds
        )
      }
    }
    before = Dictionary(
      queues.map {
        ($0.statistics.name, Totals(succeeded: $0.statistics.succeededTotal, failed: $0.statistics.failedTotal))
      }, uniquingKeysWith: { $1 })
    self.server = server
    self.queues = queues
    self.workers = workers
    at = now
  }

  /// For programs: everything, with the rates since the picture before.
  var json: JSONValue {
    .members([
      ("at", JobDocument.time(at)), ("server", server.map(InfoCommand.json)),
      (
        "queues",
        .array(
          queues.map { queue in
            let rate = rates[queue.statistics.name] ?? (0, 0)
            return QueuesCommand.json(queue).adding([
              ("succeeded_per_second", .number(rate.succeeded)), ("failed_per_second", .number(rate.failed)),
            ])
          })
      ),
      ("workers", .array(workers.map(WorkersCommand.json))),
    ])
  }

  func text(style: Style, rows: Int) -> String {
    guard let server, let at else { return "" }
    let running = workers.reduce(0) { $0 + UInt64($1.running) }
    let slots = workers.reduce(0) { $0 + UInt64($1.maxInFlight) }
    let rate = rates.values.reduce(0) { $0 + $1.succeeded }
    let up = server.startedAt.map { ", up \(Format.interval(at - $0))" } ?? ""
    let head =
      style.bold("gKick \(server.version)") + "  \(server.id), \(server.store)\(up)  \(Format.clock(at))\n"
      + "\(workers.count) workers, \(running) of \(slots) slots busy, \(Format.decimal(rate)) jobs/s\n"

    var queueTable = Table(
      "QUEUE", "#READY", "#OLDEST", "#SCHED", "#RUNNING", "#DEAD", "#DONE/S", "#FAIL/S", "#WORKERS", "")
    let room = max(6, rows - 6)
    let shownQueues = queues.sorted { $0.statistics.ready > $1.statistics.ready }.prefix(max(3, room / 2))
    for queue in shownQueues {
      let figures = queue.statistics
      let rate = rates[figures.name] ?? (0, 0)
      queueTable.add([
        figures.name, Format.count(figures.ready), queue.oldestReadyAge.map(Format.interval) ?? "-",
        Format.count(figures.scheduled), Format.count(figures.running), Format.count(figures.dead),
        Format.decimal(rate.succeeded), Format.decimal(rate.failed), String(queue.workers),
        figures.paused ? "paused" : "",
      ])
    }
    var out = head + "\n" + queueTable.text(style: style)
    if queues.count > shownQueues.count {
      out += "\n" + style.dim("... and \(queues.count - shownQueues.count) more queues")
    }
    let shownWorkers = workers.sorted { $0.running > $1.running }.prefix(max(3, room - shownQueues.count - 3))
    if !shownWorkers.isEmpty {
      out += "\n\n" + WorkersCommand.table(Array(shownWorkers), now: at).text(style: style)
    }
    if workers.count > shownWorkers.count {
      out += "\n" + style.dim("... and \(workers.count - shownWorkers.count) more workers")
    }
    return out
  }
}

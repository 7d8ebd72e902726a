import GKick
import Jobs

/// What `gkick top` shows: the totals as they are, the rates from one look to the next.
struct TopPicture {
  private struct Totals {
    var succeeded: Int
    var failed: Int
  }
  private var server: ServerInfo?
  private var queues: [QueueInfo] = []
  private var workers: [WorkerInfo] = []
  private var at: Timestamp?
  private var before: [String: Totals] = [:]
  private var rates: [String: (succeeded: Double, failed: Double)] = [:]

  mutating func update(server: ServerInfo, queues: [QueueInfo], workers: [WorkerInfo], at now: Timestamp) {
    if let at, now > at {
      let seconds = (now - at).seconds
      rates = [:]
      for queue in queues {
        guard let old = before[queue.name] else { continue }
        // Totals only fall when the store was replaced: then there is no rate to tell.
        rates[queue.name] = (
          Double(max(0, queue.succeededTotal - old.succeeded)) / seconds,
          Double(max(0, queue.failedTotal - old.failed)) / seconds
        )
      }
    }
    before = Dictionary(
      queues.map { ($0.name, Totals(succeeded: $0.succeededTotal, failed: $0.failedTotal)) },
      uniquingKeysWith: { $1 })
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
            let rate = rates[queue.name] ?? (0, 0)
            return QueuesCommand.json(queue).adding([
              ("succeeded_per_second", .number(rate.succeeded)), ("failed_per_second", .number(rate.failed)),
            ])
          })
      ),
      ("workers", .array(workers.map(WorkersCommand.json))),
    ])
  }

  func text(style: Style, rows: Int, columns: Int = .max) -> String {
    guard let server, let at else { return "" }
    let running = workers.reduce(0) { $0 + $1.running }
    let slots = workers.reduce(0) { $0 + $1.slots }
    let rate = rates.values.reduce(0) { $0 + $1.succeeded }
    let up = server.startedAt.map { ", up \(Format.interval(at - $0.timestamp))" } ?? ""
    let head = [
      style.bold("gKick \(Table.onOneLine(server.version))")
        + Self.cut(
          "  \(Table.onOneLine(server.id)), \(Table.onOneLine(server.store))\(up)  \(Format.clock(at))", columns - 12),
      Self.cut(
        "\(Format.number(workers.count, "worker")), \(running) of \(Format.number(slots, "slot")) busy, "
          + "\(Format.decimal(rate)) jobs/s", columns),
    ].joined(separator: "\n")

    var queueTable = Table(
      "QUEUE", "#READY", "#OLDEST", "#SCHED", "#RUNNING", "#DEAD", "#DONE/S", "#FAIL/S", "#WORKERS", "")
    let room = max(6, rows - 6)
    let shownQueues = queues.sorted { $0.ready > $1.ready }.prefix(max(3, room / 2))
    for queue in shownQueues {
      let rate = rates[queue.name] ?? (0, 0)
      queueTable.add([
        queue.name, Format.count(queue.ready), queue.oldestReadyAge.map { Format.interval($0.interval) } ?? "-",
        Format.count(queue.scheduled), Format.count(queue.running), Format.count(queue.dead),
        Format.decimal(rate.succeeded), Format.decimal(rate.failed), String(queue.workers),
        queue.isPaused ? "paused" : "",
      ])
    }
    // What goes first when there is no room: the columns that others tell best.
    var out = head + "\n\n" + queueTable.text(style: style, columns: columns, dropping: [8, 7, 3, 2, 9])
    if queues.count > shownQueues.count {
      out += "\n" + style.dim("... and \(Format.number(queues.count - shownQueues.count, "more queue"))")
    }
    let shownWorkers = workers.sorted { $0.running > $1.running }.prefix(max(3, room - shownQueues.count - 3))
    if !shownWorkers.isEmpty {
      let table = WorkersCommand.table(Array(shownWorkers), now: at)
      out += "\n\n" + table.text(style: style, columns: columns, dropping: [8, 6, 5, 4, 1, 9, 7])
    }
    if workers.count > shownWorkers.count {
      out += "\n" + style.dim("... and \(Format.number(workers.count - shownWorkers.count, "more worker"))")
    }
    return out
  }

  private static func cut(_ text: String, _ width: Int) -> String { Table.cut(text, width) }
}

import ArgumentParser
import GKick
import Jobs

/// `gkick workers`.
struct WorkersCommand: RemoteCommand {
  static let configuration = CommandConfiguration(commandName: "workers", abstract: "Show the connected workers.")

  @OptionGroup var client: ClientFlags

  func run(_ remote: Remote, _ output: Output) async throws {
    let workers = try await remote.admin.workers()
    output.print(
      workers, Self.json, table: { Self.table(workers, now: .now) }, ifNone: "no worker is connected")
  }

  static func table(_ workers: [WorkerInfo], now: Timestamp) -> Table {
    var table = Table(
      "WORKER", "QUEUES", "#RUNNING", "#SLOTS", "#SUCCEEDED", "#FAILED", "#LOST", "#SEEN", "ADDRESS", "")
    for worker in workers {
      table.add([
        worker.id, worker.queues.joined(separator: ","), String(worker.running), String(worker.slots),
        Format.count(worker.succeededTotal), Format.count(worker.failedTotal), Format.count(worker.lostTotal),
        Format.interval(max(.zero, now - worker.lastSeenAt.timestamp)), worker.address,
        worker.isDraining ? "draining" : "",
      ])
    }
    return table
  }

  static func json(_ worker: WorkerInfo) -> JSONValue {
    .members([
      ("worker_id", .string(worker.id)), ("queues", .array(worker.queues.map { .string($0) })),
      ("names", .array(worker.names.map { .string($0) })), ("running", JobDocument.count(worker.running)),
      ("max_in_flight", JobDocument.count(worker.slots)), ("draining", .bool(worker.isDraining)),
      ("succeeded_total", JobDocument.count(worker.succeededTotal)),
      ("failed_total", JobDocument.count(worker.failedTotal)), ("lost_total", JobDocument.count(worker.lostTotal)),
      ("connected_at", JobDocument.time(worker.connectedAt.timestamp)),
      ("last_seen_at", JobDocument.time(worker.lastSeenAt.timestamp)), ("address", .string(worker.address)),
      ("labels", .object(worker.labels.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) })),
    ])
  }
}

/// `gkick drain WORKER`.
struct DrainCommand: RemoteCommand {
  static let configuration = CommandConfiguration(
    commandName: "drain", abstract: "Tell a worker to finish what it runs and to take nothing more.")

  @Argument(help: "The worker's id.") var worker: String
  @OptionGroup var client: ClientFlags

  func run(_ remote: Remote, _ output: Output) async throws {
    try await remote.admin.drainWorker(worker)
    output.print(.object([("draining", .string(worker))]), "\(Table.onOneLine(worker)) was told to drain")
  }
}

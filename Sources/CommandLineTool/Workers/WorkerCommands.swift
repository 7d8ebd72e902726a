import ArgumentParser
import Jobs

/// `gkick workers`.
struct WorkersCommand: RemoteCommand {
  static let configuration = CommandConfiguration(commandName: "workers", abstract: "Show the connected workers.")

  @OptionGroup var client: ClientFlags

  func run(_ remote: Remote, _ output: Output) async throws {
    let workers = try await remote.workers()
    output.print(
      workers, Self.json, table: { Self.table(workers, now: Remote.now) }, ifNone: "no worker is connected")
  }

  static func table(_ workers: [WorkerView], now: Timestamp) -> Table {
    var table = Table(
      "WORKER", "QUEUES", "#RUNNING", "#SLOTS", "#SUCCEEDED", "#FAILED", "#LOST", "#SEEN", "ADDRESS", "")
    for worker in workers {
      table.add([
        worker.workerID, worker.queues.joined(separator: ","), String(worker.running), String(worker.maxInFlight),
        Format.count(worker.succeededTotal), Format.count(worker.failedTotal), Format.count(worker.lostTotal),
        Format.interval(max(.zero, now - worker.lastSeenAt)), worker.address, worker.draining ? "draining" : "",
      ])
    }
    return table
  }

  static func json(_ worker: WorkerView) -> JSONValue {
    .members([
      ("worker_id", .string(worker.workerID)), ("queues", .array(worker.queues.map { .string($0) })),
      ("names", .array(worker.names.map { .string($0) })), ("running", .unsigned(UInt64(worker.running))),
      ("max_in_flight", .unsigned(UInt64(worker.maxInFlight))), ("draining", .bool(worker.draining)),
      ("succeeded_total", .unsigned(worker.succeededTotal)), ("failed_total", .unsigned(worker.failedTotal)),
      ("lost_total", .unsigned(worker.lostTotal)), ("connected_at", JobDocument.time(worker.connectedAt)),
      ("last_seen_at", JobDocument.time(worker.lastSeenAt)), ("address", .string(worker.address)),
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
    try await remote.drainWorker(worker)
    output.print(.object([("draining", .string(worker))]), "\(worker) was told to drain")
  }
}

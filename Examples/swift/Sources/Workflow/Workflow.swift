import GKick
import Logging
import ServiceLifecycle

/// A workflow for each of two tenants: words are counted side by side (fan-out), the counts put together (fan-in), and a receipt follows when all is
/// done (callback). A limit keeps each tenant to two jobs at a time, their jobs take turns, and a recurring job ticks beside them.
@main
struct Workflow {
  static func main() async throws {
    let logger = Logger(label: "workflow")
    let endpoint = Endpoint.environment
    let client = try Client(endpoint)

    var configuration = WorkerConfiguration(queues: ["workflow"], concurrency: 8)
    configuration.logger = logger
    let worker = Worker(endpoint, configuration: configuration)
    worker.register(CountWord.self)
    worker.register(AddUp.self) { _, context in
      var sum = 0
      for id in context.dependsOn { sum += try await client.handle(id, as: CountWord.self).value() }
      return sum
    }
    worker.register(SendReceipt.self)
    worker.register(Tick.self)
    // Put when the worker starts, unless the server has it already.
    worker.declare(try RecurringJob("workflow-tick", .every(.milliseconds(500)), Tick(), overlap: .skip))

    let group = ServiceGroup(
      configuration: .init(
        services: [
          .init(service: worker),
          .init(service: Planner(client: client), successTerminationBehavior: .gracefullyShutdownGroup),
        ],
        gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
    try await group.run()
  }
}

/// Stores the workflows and waits for what they give.
struct Planner: Service {
  let client: Client

  func run() async throws {
    // One limit for every tenant that there is and will be: each key with the prefix on its own.
    try await client.limits.put(Limit(.keyPrefix("workflow-tenant-"), maxRunning: 2))

    for tenant in ["ada", "grace"] {
      var batch = Batch(description: "words of \(tenant)")
      let counts = try ["all", "that", "glitters", "is", "not", "gold"].map { word in
        try batch.add(CountWord(word: word, tenant: tenant))
      }
      let sum = try batch.add(AddUp(), after: counts)
      try batch.onSucceeded(SendReceipt(tenant: tenant))
      let running = try await client.enqueue(batch)
      let letters = try await sum.handle(client).value()
      let progress = try await running.wait()
      print("\(tenant): \(letters) letters, \(progress.succeeded) of \(progress.total) jobs succeeded")
      let receipt = try await self.receipt(of: running)
      print("\(tenant): \(try await client.handle(receipt, as: SendReceipt.self).value())")
    }

    for try await event in client.events(after: "0", names: [Tick.name], kinds: [.succeeded]) {
      print("tick: \(try await client.job(event.jobID).recurringJobID)")
      break
    }
    try await client.recurring.delete("workflow-tick")
    try await client.limits.delete(.keyPrefix("workflow-tenant-"))
    await client.close()
  }

  /// The batch is finished in the step in which its last job is; the id is known from then on.
  private func receipt(of batch: BatchHandle) async throws -> String {
    while true {
      let id = try await batch.info().onSucceededJobID
      if !id.isEmpty { return id }
      try await Task.sleep(for: .milliseconds(10))
    }
  }
}

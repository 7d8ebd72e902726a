import GKick
import Logging
import ServiceLifecycle

/// Producer and worker as one small service. `GKICK_ADDRESS` says where the server is; SIGTERM lets running jobs finish.
@main
struct Mailer {
  static func main() async throws {
    let logger = Logger(label: "mailer")
    let endpoint = Endpoint.environment

    var configuration = WorkerConfiguration(queues: ["mail"], concurrency: 20)
    configuration.logger = logger
    let worker = Worker(endpoint, configuration: configuration)
    worker.register(SendEmail.self)

    let producer = Producer(client: try Client(endpoint), logger: logger)
    let group = ServiceGroup(
      configuration: .init(
        services: [
          .init(service: worker),
          // When it has said its piece, the service has done its work.
          .init(service: producer, successTerminationBehavior: .gracefullyShutdownGroup),
        ],
        gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
    try await group.run()
  }
}

/// Enqueues a few jobs and waits for what they give.
struct Producer: Service {
  let client: Client
  let logger: Logger

  func run() async throws {
    let now = try await client.enqueue(SendEmail(to: "ada@example.com", subject: "Hello"))
    let later = try await client.schedule(SendEmail(to: "grace@example.com", subject: "Later"), in: .seconds(1))
    let receipts = [try await now.value(), try await later.value()]
    logger.info("receipts", metadata: ["ids": "\(receipts.map(\.id))"])

    let batch = try await client.enqueue(
      batch: (1...100).map { SendEmail(to: "reader\($0)@example.com", subject: "News") })
    for try await progress in batch.progress() {
      logger.info("newsletter", metadata: ["sent": "\(progress.ended) of \(progress.total)"])
    }
    print("102 mails sent")
    await client.close()
  }
}

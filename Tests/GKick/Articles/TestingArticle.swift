import GKick
import GKickTesting
import Synchronization
import Testing

/// The code of Testing.md, run: it is about tests.
@Suite(.timeLimit(.minutes(1))) struct TestingArticle {
  struct SendEmail: JobParameters {
    static let name = "email.send"
    var to: String
  }
  struct Reminder: JobParameters {
    static let name = "reminder"
    static var retry: RetryPolicy { RetryPolicy(maxAttempts: 3, initialBackoff: .seconds(3600)) }
  }

  @Test func signingUpSendsAWelcome() async throws {
    let gkick = TestGKick()
    try await signUp("ada@example.com", jobs: gkick.client)

    #expect(gkick.enqueued(SendEmail.self).map(\.to) == ["ada@example.com"])

    let outbox = Outbox()
    gkick.register(SendEmail.self) { job, _ in outbox.add(job.to) }
    await gkick.runJobs()
    #expect(outbox.all == ["ada@example.com"])
  }

  @Test func theClock() async throws {
    let gkick = TestGKick()
    struct Broken: Error {}
    gkick.register(Reminder.self) { _, _ in throw Broken() }
    try await gkick.client.schedule(Reminder(), in: .seconds(3600))
    gkick.advance(by: .seconds(3600))
    await gkick.runJobs()
    #expect(gkick.jobs.map(\.attempt) == [1])
    let ran = await gkick.runJobs(movingClock: 100)
    #expect(ran.last?.state == .dead)
  }

  @Test func theWorkerItself() async throws {
    let worker = Worker("nowhere:1")
    worker.register(Greet.self)
    let gkick = TestGKick(worker: worker)
    let job = try await gkick.client.enqueue(Greet(who: "Ada"))
    await gkick.runJobs()
    #expect(try await job.value() == "hello Ada")
  }

  private func signUp(_ address: String, jobs: Client) async throws {
    try await jobs.enqueue(SendEmail(to: address))
  }
}

private final class Outbox: Sendable {
  private let sent = Mutex<[String]>([])
  var all: [String] { sent.withLock { $0 } }
  func add(_ address: String) { sent.withLock { $0.append(address) } }
}

import GKickTesting
import Testing

@testable import Mailer

@Suite struct MailerTests {
  @Test func sendsLater() async throws {
    let gkick = TestGKick()
    gkick.register(SendEmail.self)
    let job = try await gkick.client.schedule(SendEmail(to: "ada@example.com", subject: "Hi"), in: .seconds(3600))
    #expect(await gkick.runJobs().isEmpty)
    gkick.advance(by: .seconds(3600))
    await gkick.runJobs()
    #expect(try await job.value().id == "<\(job.id)@example.com>")
  }

  @Test func discardsWhatIsNoAddress() async throws {
    let gkick = TestGKick()
    gkick.register(SendEmail.self)
    let job = try await gkick.client.enqueue(SendEmail(to: "nobody", subject: "Hi"))
    await gkick.runJobs()
    #expect(try await job.info().state == .dead)
  }
}

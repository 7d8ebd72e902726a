import NIOCore
import Testing

@testable import RPC

/// Connections of one server and what they hold for peers that do not read.
struct OutputBudgetTests {
  let methods = TestMethods()
  let budget = OutputBudget(limit: 900_000)
  let one = TestServer.frame([1, 2, 3])

  /// A server with answers for a client that does not read.
  private func holder() throws -> (TestServer, Int32) {
    let server = try TestServer(methods.table, budget: budget)
    server.clientReads = false
    var last: Int32 = 0
    for _ in 0..<3 { last = ask(server, "/t.T/Big") }
    server.run()
    return (server, last)
  }

  private func ask(_ server: TestServer, _ path: String) -> Int32 {
    let slot = server.open(path)
    server.write(slot, one)
    server.client.finish(slot)
    return slot
  }

  @Test func whatOneConnectionHoldsHoldsBackAnother() throws {
    let (holder, _) = try holder()
    #expect(budget.heldBytes > 900_000)
    let other = try TestServer(methods.table, budget: budget)
    let slot = ask(other, "/t.T/Big")
    other.run()
    #expect(other.replies[slot]?.status == nil && other.connection.parkedCalls == 1)
    #expect(budget.waitingConnections >= 1)
    holder.connection.connectionLost()
    #expect(budget.heldBytes == 0)
    other.connection.resumeParked()
    other.run()
    #expect(other.replies[slot]?.status == 0 && other.replies[slot]?.body.count == 600_005)
    #expect(budget.heldBytes == 0 && budget.waitingConnections == 0)
  }

  @Test func aConnectionOfSmallAnswersIsServedNevertheless() throws {
    let small = try TestServer(methods.table, budget: budget)
    #expect(small.call("/t.T/Echo", body: one).status == 0)
    let (holder, _) = try holder()
    #expect(budget.heldBytes > 900_000)
    #expect(small.call("/t.T/Echo", body: one).status == 0)
    holder.connection.connectionLost()
  }

  @Test func aCallThatWaitsMayBeGivenUp() throws {
    let (holder, _) = try holder()
    let other = try TestServer(methods.table, budget: budget)
    let slot = ask(other, "/t.T/Big")
    other.run()
    other.client.reset(slot, .cancel)
    other.run()
    holder.connection.connectionLost()
    other.connection.resumeParked()
    #expect(budget.waitingConnections == 0 && other.connection.bufferedRequests == 0 && other.connection.openCalls == 0)
  }

  /// All streams are open, and their messages there, before the first answer is made.
  @Test func messagesOfStreamsWaitAsWell() throws {
    let server = try TestServer(methods.table, budget: budget)
    server.clientReads = false
    let message = TestServer.frame(Array(repeating: 9, count: 100_000))
    let slots = (0..<40).map { _ in server.open("/t.T/AsyncStream") }
    server.run()
    for slot in slots { server.write(slot, message) }
    for slot in slots { server.client.finish(slot) }
    for _ in 0..<50 { server.run() }
    #expect(server.connection.session.queuedBytes < 1_300_000)
    #expect(server.connection.parkedCalls > 0)
    server.clientReads = true
    for _ in 0..<200 {
      for slot in slots {
        guard let count = server.replies[slot]?.body.count, server.replies[slot]?.status == nil else { continue }
        server.client.consume(slot, connection: count, stream: count)
      }
      server.run()
      server.connection.resumeParked()
    }
    for slot in slots { #expect(server.replies[slot]?.body == message && server.replies[slot]?.status == 0) }
    #expect(budget.heldBytes == 0 && budget.waitingConnections == 0)
  }
}

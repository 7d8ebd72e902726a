import Foundation
import GKick
import Logging
import NIOCore
import NIOPosix
import RPCTransport
import ServiceLifecycle
import Synchronization
import Testing

/// Stands between client and server and can cut all connections, or let them starve: they stay open and carry nothing any more.
final class Cutter: Sendable {
  private let channels = Mutex<[any Channel]>([])
  /// Connections from this one on are carried, those before are not.
  private let firstCarried = Mutex(0)
  private let accepted = Mutex(0)
  let listener: any Channel
  var endpoint: Endpoint { Endpoint("127.0.0.1:\(listener.localAddress?.port ?? 0)") }

  init(to port: Int) async throws {
    final class Box: Sendable { let cutter = Mutex<Cutter?>(nil) }
    let box = Box()
    listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .childChannelInitializer { inbound in
        ClientBootstrap(group: inbound.eventLoop).connect(host: "127.0.0.1", port: port).flatMapThrowing { outbound in
          guard let cutter = box.cutter.withLock({ $0 }) else { throw ChannelError.eof }
          let number = cutter.accepted.withLock { count in
            defer { count += 1 }
            return count
          }
          try inbound.pipeline.syncOperations.addHandler(Pipe(to: outbound, cutter, number))
          try outbound.pipeline.syncOperations.addHandler(Pipe(to: inbound, cutter, number))
          cutter.channels.withLock { $0.append(inbound) }
        }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    box.cutter.withLock { $0 = self }
  }

  func cut() {
    for channel in channels.withLock({ channels in
      defer { channels = [] }
      return channels
    }) {
      channel.close(promise: nil)
    }
  }

  /// What is connected now hears nothing any more, in neither direction, and is not told.
  func swallow() {
    let next = accepted.withLock { $0 }
    firstCarried.withLock { $0 = next }
  }

  var connections: Int { accepted.withLock { $0 } }

  func stop() async throws {
    cut()
    try await listener.close()
  }

  private final class Pipe: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    let other: any Channel
    let cutter: Cutter
    let number: Int
    init(to other: any Channel, _ cutter: Cutter, _ number: Int) {
      self.other = other
      self.cutter = cutter
      self.number = number
    }
    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      guard number >= cutter.firstCarried.withLock({ $0 }) else { return }
      other.writeAndFlush(Self.unwrapInboundIn(data), promise: nil)
    }
    func channelInactive(context: ChannelHandlerContext) { other.close(promise: nil) }
  }
}

@Suite(.timeLimit(.minutes(1))) struct ReconnectTests {
  @Test func aWorkerKeepsItsJobsAcrossABrokenConnection() async throws {
    try await withServer { server, client in
      let cutter = try await Cutter(to: server.port)
      let runs = Mutex(0)
      let gate = Mutex(false)
      let worker = Worker(cutter.endpoint)
      worker.register(Work.self) { _, context in
        runs.withLock { $0 += 1 }
        context.progress(1)
        while !gate.withLock({ $0 }) { try await Task.sleep(for: .milliseconds(5)) }
      }
      worker.register(Greet.self)
      try await withWorker(worker) {
        let held = try await client.enqueue(Work())
        // What the worker has not confirmed yet when the connection breaks is given out again; its progress comes after that.
        while try await held.info().progress == nil { try await Task.sleep(for: .milliseconds(5)) }
        cutter.cut()
        // The worker is back when it runs another job; the first was never given to anybody else.
        #expect(try await client.enqueue(Greet(who: "again")).value(timeout: .seconds(20)) == "hello again")
        #expect(try await held.info().state == .running)
        // This time the job ends while the worker is away.
        cutter.cut()
        gate.withLock { $0 = true }
        let info = try await held.wait(timeout: .seconds(20))
        #expect(info.state == .succeeded)
        #expect(info.attempt == 1)
      }
      #expect(runs.withLock { $0 } == 1)
      try await cutter.stop()
    }
  }

  @Test func aWorkerLeavesAConnectionThatHasGoneSilent() async throws {
    try await withServer(lease: .milliseconds(900)) { server, client in
      let cutter = try await Cutter(to: server.port)
      var endpoint = cutter.endpoint
      // It is the worker itself that notices: a proxy in between answers PINGs also when the server is gone.
      endpoint.keepalive = nil
      let worker = Worker(endpoint)
      worker.register(Greet.self)
      try await withWorker(worker) {
        for round in 1...3 {
          let answer = try await client.enqueue(Greet(who: "\(round)")).value(timeout: .seconds(20))
          #expect(answer == "hello \(round)")
          #expect(cutter.connections == round)
          cutter.swallow()
        }
      }
      try await cutter.stop()
    }
  }

  @Test func callsAndEventsLeaveAConnectionThatHasGoneSilent() async throws {
    try await withServer { server, client in
      let cutter = try await Cutter(to: server.port)
      var endpoint = cutter.endpoint
      endpoint.keepalive = ClientKeepalive(time: .milliseconds(100), timeout: .milliseconds(200))
      endpoint.timeout = .seconds(20)
      let watcher = try Client(endpoint)
      var events = watcher.events(after: "0", kinds: [.enqueued]).makeAsyncIterator()
      for number in 0..<3 {
        let id = try await client.enqueue(Quiet(number: number)).id
        let seen = try await events.next()?.jobID
        #expect(seen == id)
        cutter.swallow()
      }
      // A call on the way that went silent fails soon, and the next one is on another.
      _ = try? await watcher.enqueue(Quiet(number: 3))
      _ = try await watcher.enqueue(Quiet(number: 4))
      await watcher.close()
      try await cutter.stop()
    }
  }

  @Test func noOutcomeIsLostWhileConnectionsBreak() async throws {
    try await withServer { server, client in
      let cutter = try await Cutter(to: server.port)
      let runs = Mutex<[Int: Int]>([:])
      let worker = Worker(cutter.endpoint, configuration: WorkerConfiguration(queues: ["silent"], concurrency: 50))
      worker.register(Quiet.self) { job, _ in
        runs.withLock { $0[job.number, default: 0] += 1 }
        try await Task.sleep(for: .milliseconds(2))
      }
      let batch = try await client.enqueue(batch: (0..<3_000).map { Quiet(number: $0) })
      try await withWorker(worker) {
        let breaking = Task {
          for _ in 0..<6 {
            try await Task.sleep(for: .milliseconds(60))
            cutter.cut()
          }
        }
        let progress = try await batch.wait()
        #expect(progress.succeeded == 3_000)
        breaking.cancel()
      }
      // Every job ran; each was confirmed once.
      #expect(runs.withLock { $0.count } == 3_000)
      try await cutter.stop()
    }
  }

  @Test func eventsGoOnWithoutGapOrDouble() async throws {
    try await withServer { server, client in
      let cutter = try await Cutter(to: server.port)
      let watcher = try Client(cutter.endpoint)
      var events = watcher.events(after: "0", kinds: [.enqueued]).makeAsyncIterator()
      var seen: [String] = []
      var expected: [String] = []
      for round in 0..<5 {
        for number in 0..<20 { expected.append(try await client.enqueue(Quiet(number: number)).id) }
        if round > 0 { cutter.cut() }
        while seen.count < expected.count, let event = try await events.next() { seen.append(event.jobID) }
      }
      #expect(seen == expected)
      // Another watcher goes on from a cursor.
      let all = client.events(after: "0", kinds: [.enqueued])
      var iterator = all.makeAsyncIterator()
      var last = ""
      for _ in 0..<50 { last = try await iterator.next()?.cursor ?? "" }
      var rest = client.events(after: last, kinds: [.enqueued]).makeAsyncIterator()
      #expect(try await rest.next()?.jobID == expected[50])
      await watcher.close()
      try await cutter.stop()
    }
  }

  @Test func aWorkerSurvivesTheServer() async throws {
    let first = try await TestServer()
    let worker = first.worker { $0.register(Greet.self) }
    let run = Task { try await worker.run() }
    let client = try Client(first.endpoint)
    #expect(try await client.enqueue(Greet(who: "1")).value(timeout: .seconds(20)) == "hello 1")
    try await first.stop()
    let second = try await TestServer(port: first.port)
    var endpoint = second.endpoint
    endpoint.waitsForServer = true
    let later = try Client(endpoint)
    #expect(try await later.enqueue(Greet(who: "2")).value(timeout: .seconds(20)) == "hello 2")
    run.cancel()
    try await run.value
    await client.close()
    await later.close()
    try await second.stop()
  }

  @Test func aGracefulShutdownLetsJobsFinish() async throws {
    try await withServer { server, client in
      let started = Mutex(false)
      let worker = server.worker { worker in
        worker.register(Work.self) { _, _ in
          started.withLock { $0 = true }
          try await Task.sleep(for: .milliseconds(150))
        }
      }
      let group = ServiceGroup(
        configuration: .init(
          services: [worker], logger: .init(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })))
      let run = Task { try await group.run() }
      let job = try await client.enqueue(Work())
      while !started.withLock({ $0 }) { try await Task.sleep(for: .milliseconds(2)) }
      let waiting = try await client.enqueue(Work())
      await group.triggerGracefulShutdown()
      try await run.value
      #expect(try await job.info().state == .succeeded)
      _ = waiting
    }
  }

  @Test func aDrainHasItsLimit() async throws {
    try await withServer { server, client in
      let worker = server.worker(configure: { $0.drainTimeout = .milliseconds(50) }) { worker in
        worker.register(Work.self) { _, _ in try await Task.sleep(for: .seconds(60)) }
      }
      let group = ServiceGroup(
        configuration: .init(
          services: [worker], logger: .init(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })))
      let run = Task { try await group.run() }
      let job = try await client.enqueue(Work())
      while try await job.info().state != .running { try await Task.sleep(for: .milliseconds(5)) }
      await group.triggerGracefulShutdown()
      try await run.value
      #expect(try await job.info().state == .ready)
    }
  }
}

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif
import Engine
import GKick
import Jobs
import MemoryStorage
import NIOCore
import NIOPosix
import RPC
import RPCTransport
import Services
import Synchronization
import Wire

/// A whole server without sockets and threads of its own: the engine on the storage in memory, its services on one event loop, a clock that
/// stands still unless it is moved.
final class TestServer: CallCarrier {
  private let loop: any EventLoop
  private let clock: TestClock
  private let storage: MemoryStorage
  private let engine: InlineEngine
  private let transport: InProcessTransport
  private let zones: ZoneFolder

  init(now: Date) {
    loop = MultiThreadedEventLoopGroup.singleton.next()
    clock = TestClock(wall: now.timestamp)
    storage = MemoryStorage(salt: 0x7E57)
    let zones = ZoneFolder(nil)
    self.zones = zones
    var terms = StoreConfiguration()
    // What a test wants to look at is there however far it moves the clock.
    terms.retention = .days(36_500)
    terms.deadRetention = .days(36_500)
    terms.eventRetention = .days(36_500)
    var configuration = EngineConfiguration()
    configuration.serverID = "test"
    // Nobody wants to hear how far the clock was moved.
    configuration.eventHeartbeat = .days(36_500)
    do throws(StoreError) {
      engine = try EngineHost.inline(
        storage: storage, terms: terms, configuration: configuration, seed: 1, loop: loop,
        clock: { [clock] in clock.now }, zones: zones
      )
    } catch {
      fatalError("a storage in memory cannot fail, but says: \(error)")
    }
    var methods = MethodTable()
    Services.register(
      into: &methods, host: engine.host,
      configuration: ServicesConfiguration(
        serverID: "test", version: "test", storeKind: storage.kind, startedAt: clock.now.wall, zones: zones))
    transport = InProcessTransport(methods: methods, eventLoop: loop)
  }

  deinit { Task { [transport] in await transport.close() } }

  // MARK: - Calls

  func unaryResponse(
    _ path: String, _ request: ByteBuffer, metadata: Metadata, options: CallOptions
  ) async -> UnaryResponse {
    let whole = await transport.call(path, messages: [request], metadata: metadata, timeout: options.timeout)
    var response = UnaryResponse()
    response.initialMetadata = whole.initialMetadata
    response.message = whole.status.isOK ? whole.messages.first : nil
    response.status = whole.status
    response.trailers = whole.trailers
    return response
  }

  func answers(
    _ path: String, _ request: ByteBuffer, metadata: Metadata, options: CallOptions
  ) async throws -> any AnswerStream {
    TestAnswers(transport.stream(path, messages: [request], metadata: metadata))
  }

  func close() async {}

  // MARK: - Looking

  /// Every job that is stored, the oldest first.
  var jobs: [GKick.JobInfo] {
    let reader = storage.reader
    let codec = Codec()
    var found: [GKick.JobInfo] = []
    var query = Jobs.JobQuery()
    query.limit = 1_000
    repeat {
      guard let page = try? reader.jobs(query) else { return [] }
      for record in page.jobs {
        // Through the wire's words, as a client sees it.
        _ = codec.encodeJobResponse(record, nil)
        let packed = ByteBuffer(bytes: codec.packed())
        if let info = try? codec.decodeJobResponse(packed.readableBytesSpan) { found.append(GKick.JobInfo(info)) }
      }
      query.before = page.next
    } while query.before != nil
    return found.reversed()
  }

  // MARK: - Time

  var now: Date { Date(clock.now.wall) }

  /// Moves the clock, by way of every time at which something is due.
  func advance(by duration: Duration) {
    let span = max(duration.interval, .zero)
    onLoop { [self] in
      engine.settle()
      let end = clock.now.elapsed + span
      while clock.now.elapsed < end {
        let next = engine.nextWake.map { max($0, clock.now.elapsed + .microseconds(1)) } ?? end
        clock.advance(to: min(next, end))
        engine.settle()
      }
      _ = try? storage.tidy(now: clock.now.wall)
    }
  }

  /// Moves the clock to when the next job of these names is due that waits for its time, or when a rate lets one start that is held back; empty:
  /// of any name. False: there is none.
  func advanceToNext(_ names: Set<String>) -> Bool {
    var due: Date?
    var isReady = false
    for job in jobs where names.isEmpty || names.contains(job.name) {
      switch job.state {
      case .scheduled, .retrying: due = min(due ?? job.runAt, job.runAt)
      case .ready: isReady = true
      default: break
      }
    }
    if isReady, let opening = engine.nextOpening.map({ Date($0) }) { due = min(due ?? opening, opening) }
    guard let due else { return false }
    advance(by: .microseconds((due.timestamp - clock.now.wall).microseconds))
    return true
  }

  /// Waits for the loop, which never waits for anything.
  private func onLoop(_ body: @escaping @Sendable () -> Void) {
    if loop.inEventLoop { return body() }
    // It cannot fail: the body does not.
    try? loop.submit(body).wait()
  }

  /// Puts what a worker declares, before whatever is asked after that.
  func declare(_ jobs: [GKick.RecurringJob]) throws {
    let codec = Codec(zones: zones)
    for job in jobs {
      // Through the wire's words, for its rules.
      _ = codec.encodePutRecurringJobRequest(RecurringOrder(job))
      let packed = ByteBuffer(bytes: codec.packed())
      let recurring = try codec.decodePutRecurringJobRequest(packed.readableBytesSpan, now: clock.now.wall)
      engine.host.inquire({ .flow(.putRecurring(recurring), $0) }) { _ in }
    }
  }

  /// A running job's words, heard before whatever is asked after them.
  func tell(_ report: Report) { engine.host.inquire({ .report(report, $0) }) { _ in } }
}

/// Both of a server's clocks, which go alike.
private final class TestClock: Sendable {
  private let time: Mutex<Moment>

  init(wall: Timestamp) { time = Mutex(Moment(wall: wall, elapsed: Instant(microseconds: 0))) }

  var now: Moment { time.withLock { $0 } }

  func advance(to instant: Instant) {
    time.withLock { if instant > $0.elapsed { $0 = $0 + (instant - $0.elapsed) } }
  }
}

/// What a watcher is told.
// Sendable unchecked: the one task that reads uses the iterator; `cancel` lets go of it when nobody reads any more.
private final class TestAnswers: AnswerStream, @unchecked Sendable {
  private var iterator: InProcessAnswers.AsyncIterator?

  init(_ answers: InProcessAnswers) { iterator = answers.makeAsyncIterator() }

  func nextBatch() async throws -> [ByteBuffer] {
    guard let iterator else { return [] }
    return try await iterator.next().map { [$0] } ?? []
  }

  func cancel() { iterator = nil }
}

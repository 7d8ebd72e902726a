import Engine
import Glibc
import Jobs
import MemoryStorage
import NIOCore
import NIOPosix
import Synchronization
import Testing
import Wire

@testable import Services

/// To begin a write takes longer than all else between an enqueue and its worker: the job is on its way before.
@Suite(.timeLimit(.minutes(1))) struct SentBeforeWrittenTests {
  /// A storage whose unattended writes take as long to begin as the test wants, on the loop that begins them.
  private final class SlowToBegin: Storage, UnattendedWriter {
    private struct State {
      var isHeld = false
      var isBeginning = false
      /// Nobody let it go on in time.
      var gaveUp = false
      var begun: (changes: [ChangeSet], epoch: Epoch) = ([], Epoch(0))
      var ready: (@Sendable () -> Void)?
    }
    private let inner = MemoryStorage()
    private let state = Mutex(State())

    var kind: String { inner.kind }
    var rows: any RowSource { inner.rows }
    var reader: any JobReader { inner.reader }
    var unattended: (any UnattendedWriter)? { self }
    func beginEpoch() throws(StoreError) -> Epoch { try inner.beginEpoch() }
    func load(_ epoch: Epoch, into loader: any StateLoader) throws(StoreError) { try inner.load(epoch, into: loader) }
    func write(_ changes: [ChangeSet], epoch: Epoch) throws(StoreError) { try inner.write(changes, epoch: epoch) }
    func sync() throws(StoreError) { try inner.sync() }
    func tidy(now: Timestamp) throws(StoreError) -> Timestamp { try inner.tidy(now: now) }
    func close() throws(StoreError) { try inner.close() }

    func makeNotice() -> Int32 { open("/dev/null", O_RDWR | O_CLOEXEC) }

    func begin(_ changes: [ChangeSet], epoch: Epoch, notice: Int32) -> Bool {
      let held = state.withLock { state in
        state.isBeginning = true
        return state.isHeld
      }
      if held {
        let end = ContinuousClock.now + .seconds(20)
        while state.withLock({ $0.isHeld }), ContinuousClock.now < end { usleep(500) }
      }
      let ready = state.withLock { state in
        state.gaveUp = state.gaveUp || state.isHeld
        state.isBeginning = false
        state.begun = (changes, epoch)
        return state.ready
      }
      ready?()
      return true
    }

    func finish(waits: Bool) -> UnattendedOutcome {
      let (changes, epoch) = state.withLock { state in
        defer { state.begun.changes = [] }
        return state.begun
      }
      do {
        try inner.write(changes, epoch: epoch)
        return .stored
      } catch {
        return .notStored
      }
    }

    func tells(_ ready: @escaping @Sendable () -> Void) { state.withLock { $0.ready = ready } }
    func holds(_ holds: Bool) { state.withLock { $0.isHeld = holds } }
    var isBeginning: Bool { state.withLock { $0.isBeginning } }
    var gaveUp: Bool { state.withLock { $0.gaveUp } }
  }

  @Test func aWorkerHasItsJobBeforeItsWriteBegins() async throws {
    let disk = SlowToBegin()
    // A loop of its own: while it begins to write it does nothing else.
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let server = try await TestServer(HostLimits(), storage: disk, group: group)
    server.host.writeUnattended { loop, descriptor, ready in
      close(descriptor)
      disk.tells { loop.execute(ready) }
      return loop.makeSucceededVoidFuture()
    }
    let worker = TestStream(server, "WorkerService/Work")
    try await worker.send { $0.encodeWorkRequest(hello: hello("q")) }
    _ = try await worker.nextWork()

    disk.holds(true)
    async let receipt = server.enqueue(spec())
    // On a busy machine heartbeats may come first.
    var update = try await worker.nextWork()
    while update.jobs.isEmpty, !disk.gaveUp { update = try await worker.nextWork() }
    #expect(update.jobs.count == 1)
    while !Task.isCancelled, !disk.isBeginning, !disk.gaveUp { await Task.yield() }
    #expect(!disk.gaveUp)
    disk.holds(false)
    _ = try await receipt
    try await server.end()
    try await group.shutdownGracefully()
  }
}

import Jobs
import Logging
import NIOCore
import NIOEmbedded
import RPC
import Synchronization
import Wire

@testable import GKick

/// The server's side of Work streams, which says only what the test has it say, and a worker on it, all on one loop whose clock the test turns.
final class ScriptedWork: Sendable {
  /// Confined to the loop.
  final class Script {
    /// Says its welcome to whoever comes.
    var greets = true
    /// Ends every stream with this instead.
    var refusal: Status?
    var streams: [ServerCall] = []
    /// When each began, and what was said on it.
    var began: [NIODeadline] = []
    var heard: [[WorkerWords]] = []
    var ends: [Result<Void, any Error>] = []
    var seq: UInt64 = 0
  }

  static let start = Timestamp(seconds: 1_000_000)
  let loop = NIOAsyncTestingEventLoop()
  let script: NIOLoopBoundBox<Script>
  private let inside: NIOLoopBoundBox<WorkerLoop?>
  private let transport: InProcessTransport
  /// What the jobs' tasks have done: "begins 1", "is canceled 1", "ends 1".
  let steps: Steps

  final class Steps: Sendable {
    private let all = Mutex<[String]>([])
    func add(_ step: String) { all.withLock { $0.append(step) } }
    var list: [String] { all.withLock { $0 } }
  }

  init(_ change: (inout WorkerConfiguration) -> Void = { _ in }) async throws {
    let (loop, steps) = (loop, Steps())
    self.steps = steps
    let script = NIOLoopBoundBox.makeBoxSendingValue(Script(), eventLoop: loop)
    self.script = script
    var methods = MethodTable()
    methods.stream("/gkick.v1.WorkerService/Work", .bidirectionalStreaming) { call in
      script.value.began.append(loop.now)
      if let refusal = script.value.refusal { call.finish(refusal) }
      script.value.streams.append(call)
      script.value.heard.append([])
      script.value.seq = 0
      return Stream(script, number: script.value.streams.count - 1)
    }
    transport = InProcessTransport(methods: methods, eventLoop: loop)
    var configuration = WorkerConfiguration(queues: ["q"], concurrency: 4)
    change(&configuration)
    var registry = JobRegistry()
    registry.add("obeys") { context in
      steps.add("begins \(context.id)")
      do {
        try await Task.sleep(for: .seconds(3_600))
      } catch {
        steps.add("is canceled \(context.id)")
        throw error
      }
      return JobResult()
    }
    registry.add("ignores") { context in
      steps.add("begins \(context.id)")
      // Until the process ends.
      await withUnsafeContinuation { (_: UnsafeContinuation<Void, Never>) in }
      return JobResult()
    }
    registry.add("succeeds") { context in
      steps.add("begins \(context.id)")
      return JobResult()
    }
    let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
    let (transport, given, ready) = (transport, configuration, registry)
    let inside = NIOLoopBoundBox<WorkerLoop?>.makeBoxSendingValue(nil, eventLoop: loop)
    self.inside = inside
    try await loop.executeInContext {
      let end = loop.makePromise(of: Void.self)
      end.futureResult.whenComplete { script.value.ends.append($0) }
      inside.value = WorkerLoop(
        channel: transport, configuration: given, workerID: "w",
        runner: JobRunner(registry: ready, workerID: "w", logger: logger), metadata: Metadata(), logger: logger,
        end: end,
        wallClock: { Self.start + .microseconds(Int64(loop.now.uptimeNanoseconds / 1_000)) })
    }
  }

  private final class Stream: CallHandler {
    let script: NIOLoopBoundBox<Script>
    let number: Int

    init(_ script: NIOLoopBoundBox<Script>, number: Int) {
      self.script = script
      self.number = number
    }

    func message(_ message: ByteBuffer, call: ServerCall) {
      guard let words = try? Codec().decodeWorkRequest(message.readableBytesSpan) else { return }
      script.value.heard[number].append(words)
      if words.hello != nil, script.value.greets {
        ScriptedWork.say(
          WorkerUpdate(
            seq: 1, welcome: Welcome(workerID: "w", lease: .seconds(30), heartbeat: .seconds(10), lost: [])), call,
          script)
      }
    }
  }

  fileprivate static func say(_ update: WorkerUpdate, _ call: ServerCall, _ script: NIOLoopBoundBox<Script>) {
    script.value.seq += 1
    var update = update
    update.seq = script.value.seq
    let codec = Codec()
    let size = codec.encodeWorkResponse(update, serverID: "s", serverVersion: "1")
    call.send { codec.write(size, into: &$0) }
  }

  // MARK: What the test does

  func onLoop<Value: Sendable>(_ body: @escaping @Sendable (Script, WorkerLoop) -> Value) async -> Value {
    let (script, inside) = (script, inside)
    let value = try? await loop.executeInContext { body(script.value, inside.value!) }
    await loop.run()
    return value!
  }

  func begin() async { await onLoop { $1.start() } }

  /// On the newest stream.
  func say(_ update: WorkerUpdate) async {
    let script = script
    try? await loop.executeInContext {
      if let call = script.value.streams.last { ScriptedWork.say(update, call, script) }
    }
    await loop.run()
  }

  func give(_ name: String, token: UInt64, deadline: Timestamp? = nil) async {
    let job = ClaimedJob(
      lease: Lease(jobID: "\(token)", token: token), worker: 0, attempt: 1, job: NewJob(name: name),
      createdAt: Self.start, readyAt: Self.start, deadline: deadline)
    await say(WorkerUpdate(seq: 0, jobs: [job]))
    await wait { $0.contains("begins \(token)") }
  }

  /// Until the jobs' tasks have done that; they are not the loop's.
  func wait(_ condition: ([String]) -> Bool) async {
    while !Task.isCancelled, !condition(steps.list) { await Task.yield() }
  }

  func advance(_ time: TimeAmount) async { await loop.advanceTime(by: time) }

  /// What was said on a stream, or on all.
  func heard(on stream: Int? = nil) async -> [WorkerWords] {
    await onLoop { script, _ in stream.map { script.heard[$0] } ?? script.heard.flatMap { $0 } }
  }

  /// The outcomes that were said; waits until there are so many.
  func outcomes(_ count: Int) async -> [WorkerOutcome] {
    while true {
      let all = await heard().flatMap(\.message.outcomes)
      if all.count >= count { return all }
      await Task.yield()
    }
  }

  var streams: Int { get async { await onLoop { script, _ in script.began.count } } }
  /// nil: it runs.
  var end: Result<Void, any Error>? { get async { await onLoop { script, _ in script.ends.first } } }

  func stop() async {
    await transport.close()
    await loop.shutdownGracefully()
  }
}

import Jobs
import NIOCore
import RPC
import RPCTransport
import Wire

/// One worker on a Work stream: every job succeeds at once. Confined to its loop.
final class WorkerLane: ClientCallHandler {
  private let run: BenchRun
  private let settings: BenchSettings
  /// Payloads begin with the time they were meant to be enqueued at, in nanoseconds of this process's clock.
  private let measuresStart: Bool
  private let ready: EventLoopPromise<Void>
  private let completed: EventLoopPromise<Latencies>
  private let codec = Codec()
  private var latencies = Latencies()
  private var outcomes: [WorkerOutcome] = []
  private var seq: UInt64 = 0
  private var call: ClientCall?
  private var beats: RepeatedTask?
  private var isReady = false

  init(
    run: BenchRun, settings: BenchSettings, measuresStart: Bool, ready: EventLoopPromise<Void>,
    completed: EventLoopPromise<Latencies>
  ) {
    self.run = run
    self.settings = settings
    self.measuresStart = measuresStart
    self.ready = ready
    self.completed = completed
  }

  func started(call: ClientCall) {
    self.call = call
    let hello = WorkerHello(
      workerID: "", subscriptions: [Subscription(pattern: QueuePattern(settings.prefix + "-*"))],
      maxInFlight: UInt32(clamping: settings.slots), labels: ["program": "gkick bench"])
    send(codec.encodeWorkRequest(hello: hello), call)
  }

  func message(_ message: ByteBuffer, call: ClientCall) {
    let response: WorkResponseInfo
    do throws(WireError) {
      response = try codec.decodeWorkResponse(message.readableBytesSpan)
    } catch {
      return call.cancel(Status(.internal, "the server's answer cannot be read: \(error)"))
    }
    seq = max(seq, response.seq)
    if let welcome = response.welcome { begin(welcome, call) }
    for job in response.jobs {
      if measuresStart, let meant = PacedLane.time(in: job.payload) { latencies.record(since: meant) }
      outcomes.append(WorkerOutcome(lease: job.lease, how: .success(result: [])))
    }
    for result in response.results {
      if result.statusCode == 0 {
        run.finished(1)
      } else {
        run.failed(1, Status(StatusCode(rawValue: Int(result.statusCode)) ?? .unknown, result.statusMessage))
      }
    }
  }

  private func begin(_ welcome: WelcomeInfo, _ call: ClientCall) {
    isReady = true
    ready.succeed(())
    let pause = TimeAmount.microseconds(max(10_000, welcome.heartbeat.microseconds / 2))
    // The task runs on the loop that made it, where this object lives.
    let lane = NIOLoopBound(self, eventLoop: call.eventLoop)
    beats = call.eventLoop.scheduleRepeatedTask(initialDelay: pause, delay: pause) { _ in lane.value.say() }
  }

  func readComplete(call: ClientCall) {
    if !outcomes.isEmpty { say() }
  }

  private func say(drain: Bool = false) {
    guard let call, call.isOpen else { return }
    send(codec.encodeWorkRequest(WorkerMessage(ackSeq: seq, outcomes: outcomes, drain: drain)), call)
    outcomes.removeAll(keepingCapacity: true)
  }

  private func send(_ size: Int, _ call: ClientCall) {
    call.send { buffer in
      // Exactly `size` bytes are written into the room asked for.
      _ = unsafe buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: size) { unsafe codec.pack(into: $0) }
    }
  }

  /// No more jobs; the server ends the call.
  func drain() { say(drain: true) }

  func ended(_ status: Status, trailers: Metadata, call: ClientCall) {
    beats?.cancel()
    self.call = nil
    if !status.isOK { run.failed(0, status) }
    if !isReady { ready.fail(status) }
    completed.succeed(latencies)
  }
}

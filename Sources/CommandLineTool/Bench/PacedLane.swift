import Jobs
import NIOCore
import RPC
import RPCTransport
import Wire

/// Unary enqueues at times that were fixed beforehand. What is late because the server (or this program) was slow is measured from when
/// it was meant to begin, so that no stall hides behind the calls that it kept from being made (coordinated omission). Confined to its loop.
final class PacedLane {
  private let channel: ClientChannel
  private let run: BenchRun
  private let settings: BenchSettings
  private let completed: EventLoopPromise<Latencies>
  private let codec = Codec()
  private var latencies = Latencies()
  private let start: NIODeadline
  /// Between two jobs of this lane.
  private let step: Double
  private var number = 0
  private let count: Int
  private var open = 0

  /// - Parameter offset: how far this lane is behind the first, as a part of the time between two of its jobs.
  init(
    channel: ClientChannel, run: BenchRun, settings: BenchSettings, start: NIODeadline, jobs: Int, lanes: Int,
    offset: Double, completed: EventLoopPromise<Latencies>
  ) {
    self.channel = channel
    self.run = run
    self.settings = settings
    self.completed = completed
    step = Double(lanes) / Double(settings.rate) * 1e9
    self.start = start + .nanoseconds(Int64(step * offset))
    count = jobs
  }

  func begin() {
    while number < count {
      let meant = start + .nanoseconds(Int64(Double(number) * step))
      guard meant <= NIODeadline.now() else { return sleep(until: meant) }
      enqueue(number, meant)
      number += 1
    }
    endIfDone()
  }

  private func sleep(until time: NIODeadline) {
    // The task runs on the loop that made it, where this object lives.
    let lane = NIOLoopBound(self, eventLoop: channel.eventLoop)
    channel.eventLoop.scheduleTask(deadline: time) { lane.value.begin() }
  }

  private func enqueue(_ number: Int, _ meant: NIODeadline) {
    open += 1
    var spec = settings.spec(number)
    spec.payload = Self.stamp(meant, size: settings.payload)
    _ = codec.encodeEnqueueRequest(spec, settings.durability)
    let call = NIOLoopBound(
      BenchCall(ByteBuffer(bytes: codec.packed())) { [self] in ended($0, meant) }, eventLoop: channel.eventLoop)
    channel.open("/gkick.v1.JobService/Enqueue", metadata: settings.metadata) { call.value }
  }

  private func ended(_ status: Status, _ meant: NIODeadline) {
    open -= 1
    if status.isOK { latencies.record(since: meant) } else { run.failed(1, status) }
    endIfDone()
  }

  private func endIfDone() {
    if number == count, open == 0 { completed.succeed(latencies) }
  }

  // MARK: - Payloads that tell the time

  static func stamp(_ time: NIODeadline, size: Int) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: max(8, size))
    for place in 0..<8 { bytes[place] = UInt8(truncatingIfNeeded: time.uptimeNanoseconds >> UInt64(8 * place)) }
    return bytes
  }

  static func time(in payload: [UInt8]) -> NIODeadline? {
    guard payload.count >= 8 else { return nil }
    return .uptimeNanoseconds((0..<8).reduce(0) { $0 | UInt64(payload[$1]) << UInt64(8 * $1) })
  }
}

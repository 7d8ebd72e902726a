import NIOCore
import RPC
import Wire

/// A worker's stream, handed on to the leader. When the leader goes away the worker notices a pause: the front takes its session up again
/// with the next one, as the worker would itself, with what it holds and the outcomes that nobody has answered.
///
/// Messages pass as bytes. After the first change of leader the numbers in them are changed on the way, since the worker's go on
/// without a gap while each leader counts from one.
final class WorkRelay: Relay {
  let call: ServerCall
  let stays = true
  let desk: FrontDesk
  var onward = Onward()

  // What the worker has said.
  private var hello: [UInt8]?
  private var capacity: UInt32?
  private var wantsDrain = false
  private var isHalfClosed = false
  /// Outcomes that nobody has answered, in their order.
  private var outcomes: [(token: UInt64, bytes: [UInt8])] = []

  // What it was told.
  private var workerID = ""
  private var held: [UInt64: [UInt8]] = [:]
  private var lastSeq: UInt64 = 0
  /// What the worker's numbers are above the present leader's.
  private var offset: UInt64 = 0
  private var wasWelcomed = false
  /// All messages until then, as they came.
  private var unwelcomed: [ByteBuffer] = []
  private static let maxUnwelcomed = 64
  /// The present leader has not welcomed it yet: what it says before that is nothing that a worker should see.
  private var isResuming = false
  private var isPaused = false

  init(_ call: ServerCall, _ desk: FrontDesk) {
    self.call = call
    self.desk = desk
  }

  // MARK: From the worker

  func message(_ message: ByteBuffer, call: ServerCall) {
    guard let outline = WorkRequestOutline(message.readableBytesUInt8Span) else {
      // The leader says what is wrong with it; without a hello nobody is asked.
      if hello == nil { return call.finish(Status(.invalidArgument, "the message cannot be read")) }
      upstream?.send(message)
      return
    }
    if hello == nil {
      guard let range = outline.hello else {
        return call.finish(Status(.invalidArgument, "hello: required in the first message"))
      }
      hello = bytes(of: message, range)
      note(outline, message)
      unwelcomed.append(ByteBuffer(buffer: message))
      return desk.seek(self)
    }
    note(outline, message)
    if !wasWelcomed {
      unwelcomed.append(ByteBuffer(buffer: message))
      if unwelcomed.count > Self.maxUnwelcomed { pauseWorker() }
    }
    // Without a leader: outcomes go with the next hello; what else it says is said again or matters no more.
    guard let upstream else { return }
    if isResuming {
      // What it confirms was another leader's.
      let changed = Forwarding.request(Array(message.readableBytesView), ackSeq: 0)
      upstream.send { $0.writeBytes(changed) }
    } else if offset == 0 || outline.ackSeq == 0 {
      upstream.send(message)
    } else {
      let ack = outline.ackSeq > offset ? outline.ackSeq - offset : 0
      let changed = Forwarding.request(Array(message.readableBytesView), ackSeq: ack)
      upstream.send { $0.writeBytes(changed) }
    }
    if !upstream.isWritable { pauseWorker() }
  }

  private func pauseWorker() {
    guard !isPaused else { return }
    isPaused = true
    call.pauseReading()
  }

  private func note(_ outline: WorkRequestOutline, _ message: ByteBuffer) {
    if let capacity = outline.capacity { self.capacity = capacity }
    if outline.drain { wantsDrain = true }
    for outcome in outline.outcomes { outcomes.append((outcome.token, bytes(of: message, outcome.range))) }
  }

  private func bytes(of message: ByteBuffer, _ range: Range<Int>) -> [UInt8] {
    message.getBytes(at: message.readerIndex + range.lowerBound, length: range.count) ?? []
  }

  func halfClosed(call: ServerCall) {
    if hello == nil { return call.finish(Status(.invalidArgument, "hello: required in the first message")) }
    isHalfClosed = true
    upstream?.halfClose()
  }

  private var wasDrained = false

  /// This server goes away: the worker is to finish what it holds, and to connect elsewhere.
  func drain() {
    guard wasWelcomed, !wasDrained, call.isOpen else { return }
    wasDrained = true
    lastSeq += 1
    offset += 1
    let seq = lastSeq
    call.send { $0.writeBytes(Forwarding.drain(seq: seq)) }
    // The leader gives it no more.
    wantsDrain = true
    upstream?.send { $0.writeBytes(Forwarding.lastWords) }
  }

  // MARK: To the leader

  func started(call upstream: ClientCall) {
    guard call.isOpen, let hello else { return upstream.cancel() }
    onward.call = upstream
    if wasWelcomed {
      isResuming = true
      let words = Forwarding.resumption(
        hello: hello, workerID: workerID, capacity: capacity,
        held: held.map { ForwardedLease(token: $0.key, bytes: $0.value) }, outcomes: outcomes.map(\.bytes),
        drain: wantsDrain)
      upstream.send { $0.writeBytes(words) }
    } else {
      for message in unwelcomed { upstream.send(message) }
    }
    if isHalfClosed { upstream.halfClose() }
    resumeWorker()
  }

  private func resumeWorker() {
    guard isPaused else { return }
    isPaused = false
    call.resumeReading()
  }

  func writable(call upstream: ClientCall) { resumeWorker() }

  func message(_ message: ByteBuffer, call upstream: ClientCall) {
    guard let outline = WorkResponseOutline(message.readableBytesUInt8Span) else {
      return call.finish(Status(.internal, "the server that leads said what cannot be read"))
    }
    if let welcome = outline.welcome, wasWelcomed {
      resumed(welcome, outline, message)
    } else {
      if let welcome = outline.welcome {
        wasWelcomed = true
        workerID = welcome.workerID
        unwelcomed = []
      }
      pass(outline, message)
    }
    if !call.isWritable { upstream.pauseReading() }
  }

  private func pass(_ outline: WorkResponseOutline, _ message: ByteBuffer) {
    learn(outline)
    lastSeq = outline.seq + offset
    if offset == 0 {
      call.send(message)
    } else {
      let changed = Forwarding.response(Array(message.readableBytesView), seq: lastSeq)
      call.send { $0.writeBytes(changed) }
    }
  }

  /// A later leader's welcome: the worker has been welcomed once, so it is told what it has lost, and what else the message says.
  private func resumed(_ welcome: WorkResponseOutline.Welcome, _ outline: WorkResponseOutline, _ message: ByteBuffer) {
    isResuming = false
    offset = lastSeq + 1 - min(outline.seq, lastSeq + 1)
    // Of those whose outcomes are on their way the worker hears by the answers to these.
    let reported = Set(outcomes.map(\.token))
    let lost = welcome.lost.filter { held[$0.token] != nil && !reported.contains($0.token) }
    for lease in lost { held[lease.token] = nil }
    learn(outline)
    lastSeq = outline.seq + offset
    var changed = Forwarding.response(Array(message.readableBytesView), seq: lastSeq, dropping: 2)
    changed += Forwarding.cancellations(lost)
    call.send { $0.writeBytes(changed) }
  }

  /// What the worker holds after this.
  private func learn(_ outline: WorkResponseOutline) {
    for lease in outline.assigned { held[lease.token] = lease.bytes }
    for result in outline.results {
      // The first that is not answered: of several for one lease the earlier is answered first.
      if let index = outcomes.firstIndex(where: { $0.token == result.token }) { outcomes.remove(at: index) }
      // Stored, or no longer its: else the worker still holds the job.
      if result.code == 0 || result.code == 9 { held[result.token] = nil }
    }
    for token in outline.lost { held[token] = nil }
  }
}

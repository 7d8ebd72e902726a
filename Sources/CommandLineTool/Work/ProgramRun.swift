import Glibc
import Services
import Synchronization

/// One run of a program, from its start to its end, on a thread of its own: it feeds the program, takes what it says, and stops it when
/// asked to. Whatever the program does with its pipes, the run ends when the program has.
final class ProgramRun: Sendable {
  struct Order: Sendable {
    var command: String
    var arguments: [String] = []
    var variables: [(String, String)] = []
    var input: [UInt8] = []
    /// Bytes of standard output that are kept; when there is more, it is counted only.
    var maxOutput: Int
    /// From SIGTERM to SIGKILL.
    var grace: Duration
    /// A line of standard error.
    var said: @Sendable ([UInt8]) -> Void = { _ in }
    /// A line of the report descriptor.
    var reported: @Sendable ([UInt8]) -> Void = { _ in }
  }

  struct Result: Sendable {
    var end: ChildEnd
    /// Empty when there was more than is kept.
    var output: [UInt8] = []
    var outputSize = 0
    /// The last of what it said on standard error.
    var lastWords: [UInt8] = []
  }

  private struct State {
    var status: Int32?
    var stop = Stop.no
    /// To wake the thread; -1: it has ended.
    var wake: Int32 = -1
  }

  private enum Stop: Int, Comparable {
    case no
    case gently
    case atOnce

    static func < (a: Stop, b: Stop) -> Bool { a.rawValue < b.rawValue }
  }

  private let order: Order
  private let state = Mutex(State())
  /// Of standard error; the failure's message is made of it.
  private static let lastWordsSize = 8 << 10
  /// More than a pipe holds: what was written before the program's end is in it.
  private static let restSize = 1 << 20
  /// How often it is looked whether what the program has started has ended too.
  private static let groupCheck = Duration.milliseconds(50)

  init(_ order: Order) { self.order = order }

  /// SIGTERM to the program and all that it has started, and SIGKILL after the grace; or SIGKILL now.
  func stop(atOnce: Bool = false) {
    state.withLock { state in
      state.stop = max(state.stop, atOnce ? .atOnce : .gently)
      Self.wake(state.wake)
    }
  }

  private func ended(_ status: Int32) {
    state.withLock { state in
      state.status = status
      Self.wake(state.wake)
    }
  }

  private static func wake(_ descriptor: Int32) {
    guard descriptor >= 0 else { return }
    var byte: UInt8 = 0
    // One byte from this frame.
    _ = unsafe write(descriptor, &byte, 1)
  }

  /// Runs the program and waits for its end, on a thread of its own.
  func result() async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
      let isStarted = Thread.start("program", stackSize: 256 << 10) {
        continuation.resume(with: Swift.Result { try self.run() })
      }
      if !isStarted { continuation.resume(throwing: ChildProcess.NotStarted(errno)) }
    }
  }

  // MARK: - On the thread

  private func run() throws -> Result {
    let alarm = try Pipe()
    alarm.writing.doNotBlock()
    alarm.reading.doNotBlock()
    state.withLock { $0.wake = alarm.writing.descriptor }
    defer {
      state.withLock { $0.wake = -1 }
      alarm.close()
    }
    let order = order
    let child = try ChildReaper.shared.start { () throws(ChildProcess.NotStarted) in
      try ChildProcess.shell(
        order.command, arguments: order.arguments, variables: order.variables,
        dropping: ["GKICK_JOB_", "GKICK_METADATA_", "GKICK_REPORT"])
    } ended: { [self] status in
      ended(status)
    }
    var work = Work(order: order, child: child)
    defer { work.close() }
    while true {
      let (status, stop) = state.withLock { ($0.status, $0.stop) }
      if stop != .no { work.stop(atOnce: stop == .atOnce) }
      if let status {
        work.takeRest()
        if !work.isWaitingForGroup { return work.result(ChildEnd(status: status)) }
      }
      work.wait(alarm.reading.descriptor, programHasEnded: status != nil)
    }
  }

  /// What the thread knows of its program.
  private struct Work {
    private let order: Order
    private let group: pid_t
    private var input: Feed
    private var output: Pipe.End?
    private var errors: Pipe.End?
    private var reports: Pipe.End?
    private var kept: [UInt8] = []
    private var outputSize = 0
    private var lastWords: [UInt8] = []
    private var errorLines = LineCutter()
    private var reportLines = LineCutter()
    /// When SIGKILL follows SIGTERM.
    private var killAt: ContinuousClock.Instant?
    private var isKilled = false
    private var chunk = [UInt8](repeating: 0, count: 64 << 10)

    init(order: Order, child: ChildProcess) {
      self.order = order
      group = child.id
      input = Feed(bytes: order.input, end: child.input)
      output = child.output
      errors = child.errors
      reports = child.reports
      input.write()
    }

    // MARK: Stopping

    mutating func stop(atOnce: Bool) {
      if atOnce { return kill() }
      if let killAt {
        if ContinuousClock.now >= killAt { kill() }
      } else {
        _ = Glibc.kill(-group, SIGTERM)
        killAt = .now + order.grace
      }
    }

    private mutating func kill() {
      guard !isKilled else { return }
      isKilled = true
      _ = Glibc.kill(-group, SIGKILL)
    }

    /// The program was told to stop and has ended, what it has started has not: that too has its grace.
    var isWaitingForGroup: Bool { killAt != nil && !isKilled && Glibc.kill(-group, 0) == 0 }

    // MARK: Pipes

    /// Until something happens.
    mutating func wait(_ alarm: Int32, programHasEnded: Bool) {
      var polled = [pollfd(fd: alarm, events: Int16(POLLIN), revents: 0)]
      if let end = input.end { polled.append(pollfd(fd: end.descriptor, events: Int16(POLLOUT), revents: 0)) }
      for end in [output, errors, reports] {
        if let end { polled.append(pollfd(fd: end.descriptor, events: Int16(POLLIN), revents: 0)) }
      }
      // The array is as long as its count says.
      let count = unsafe poll(&polled, nfds_t(polled.count), patience(programHasEnded))
      guard count > 0 else { return }
      for entry in polled where entry.revents != 0 {
        switch entry.fd {
        case alarm: while read(alarm) > 0 {}
        case input.end?.descriptor: input.write()
        default: take(entry.fd)
        }
      }
    }

    /// Milliseconds until something is to be done, whatever happens; -1: nothing.
    private func patience(_ programHasEnded: Bool) -> Int32 {
      guard let killAt, !isKilled else { return -1 }
      let left = min(killAt - .now, programHasEnded ? ProgramRun.groupCheck : .seconds(3_600))
      return Int32(
        clamping: max(0, left.components.seconds * 1_000 + left.components.attoseconds / 1_000_000_000_000_000) + 1)
    }

    /// What is in the pipes when the program has ended. It is not waited for their end: something that the program has started may hold
    /// them for as long as it likes.
    mutating func takeRest() {
      for end in [output, errors, reports] {
        var taken = 0
        while let end, taken < ProgramRun.restSize {
          let count = take(end.descriptor)
          if count <= 0 { break }
          taken += count
        }
      }
    }

    @discardableResult
    private mutating func take(_ descriptor: Int32) -> Int {
      let count = read(descriptor)
      if count < 0 { return count }
      switch descriptor {
      case output?.descriptor:
        if count == 0 { Self.close(&output) } else { takeOutput(chunk[..<count]) }
      case errors?.descriptor:
        if count == 0 { Self.close(&errors) } else { takeErrors(chunk[..<count]) }
      case reports?.descriptor:
        if count == 0 { Self.close(&reports) } else { reportLines.add(chunk[..<count], order.reported) }
      default: break
      }
      return count
    }

    /// -1: there is nothing now.
    private mutating func read(_ descriptor: Int32) -> Int {
      while true {
        // The buffer is as long as its count says.
        let count = unsafe chunk.withUnsafeMutableBytes { unsafe Glibc.read(descriptor, $0.baseAddress, $0.count) }
        if count >= 0 || errno != EINTR { return count }
      }
    }

    private static func close(_ end: inout Pipe.End?) {
      end?.close()
      end = nil
    }

    private mutating func takeOutput(_ bytes: ArraySlice<UInt8>) {
      outputSize += bytes.count
      if outputSize <= order.maxOutput { kept += bytes } else { kept = [] }
    }

    private mutating func takeErrors(_ bytes: ArraySlice<UInt8>) {
      lastWords += bytes
      if lastWords.count > ProgramRun.lastWordsSize {
        lastWords.removeFirst(lastWords.count - ProgramRun.lastWordsSize)
      }
      errorLines.add(bytes, order.said)
    }

    mutating func close() {
      input.close()
      Self.close(&output)
      Self.close(&errors)
      Self.close(&reports)
    }

    mutating func result(_ end: ChildEnd) -> Result {
      errorLines.finish(order.said)
      reportLines.finish(order.reported)
      return Result(end: end, output: kept, outputSize: outputSize, lastWords: lastWords)
    }
  }
}

/// What a program is given on standard input, as fast as it takes it. A program need not take it.
private struct Feed {
  private let bytes: [UInt8]
  private var written = 0
  private(set) var end: Pipe.End?

  init(bytes: [UInt8], end: Pipe.End) {
    self.bytes = bytes
    self.end = end
  }

  mutating func write() {
    guard let end else { return }
    while written < bytes.count {
      // The array lives for the call, and no more than what is left of it is read.
      let count = unsafe bytes.withUnsafeBytes {
        unsafe Glibc.write(end.descriptor, $0.baseAddress.map { unsafe $0 + written }, bytes.count - written)
      }
      if count >= 0 {
        written += count
      } else if errno == EAGAIN {
        return
      } else if errno != EINTR {
        // It has closed its input, or has ended: it has read enough.
        break
      }
    }
    close()
  }

  mutating func close() {
    end?.close()
    end = nil
  }
}

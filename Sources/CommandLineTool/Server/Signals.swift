import Glibc
import Synchronization

/// What the process is told from outside. The handler itself ends the process at the second request to end (a worker at the third: its
/// second gives the jobs back), so that one that hangs while it drains can still be ended.
enum Signals {
  enum Wish: Sendable {
    /// SIGTERM or SIGINT, which is told.
    case end(Int32)
    /// SIGHUP.
    case reload
  }

  /// What the signal handler may touch: it can interrupt any thread anywhere, so only atomics and `write`.
  private static let pipe = Atomic<Int32>(-1)
  private static let endings = Atomic<Int>(0)
  private static let patience = Atomic<Int>(1)

  /// Somebody wants the process to end: for what cannot wait for wishes.
  static var wantEnd: Bool { endings.load(ordering: .relaxed) > 0 }

  /// The wishes as they come. Call once.
  /// - Parameter patience: so many requests to end are told; one more ends the process.
  static func watch(patience: Int = 1) -> AsyncStream<Wish> {
    self.patience.store(patience, ordering: .relaxed)
    let (stream, continuation) = AsyncStream.makeStream(of: Wish.self, bufferingPolicy: .bufferingNewest(4))
    var ends: [Int32] = [-1, -1]
    // Fills the two elements it is given the address of.
    guard unsafe Glibc.pipe(&ends) == 0 else { return stream }
    pipe.store(ends[1], ordering: .relaxed)
    let reading = ends[0]
    SignalReader.start(file: reading) { number in
      continuation.yield(number == UInt8(SIGHUP) ? .reload : .end(Int32(number)))
    }

    for number in [SIGTERM, SIGINT, SIGHUP] {
      _ = signal(number) { number in Signals.handle(number) }
    }
    // A peer that went away is an error of its write; a file over its limit one of the store's.
    for number in [SIGPIPE, SIGXFSZ] { _ = signal(number, SIG_IGN) }
    return stream
  }

  private static func handle(_ number: Int32) {
    if number != SIGHUP {
      let earlier = endings.wrappingAdd(1, ordering: .relaxed).oldValue
      if earlier >= patience.load(ordering: .relaxed) { _exit(128 + number) }
    }
    var byte = UInt8(truncatingIfNeeded: number)
    // One byte from this frame.
    _ = unsafe write(pipe.load(ordering: .relaxed), &byte, 1)
  }
}

import Glibc
import Synchronization

/// Takes note of every child that ends: the programs that were started here, and, where this is process 1 of a container, whatever
/// was left to it, so that no zombies remain.
final class ChildReaper: Sendable {
  static let shared = ChildReaper()

  private let waiting = Mutex<[pid_t: @Sendable (Int32) -> Void]>([:])
  /// What the signal handler may touch.
  private static let pipe = Atomic<Int32>(-1)

  private init() {
    guard let pipe = try? Pipe() else { return }
    pipe.writing.doNotBlock()
    Self.pipe.store(pipe.writing.descriptor, ordering: .relaxed)
    SignalReader.start(file: pipe.reading.descriptor) { _ in ChildReaper.shared.reap() }
    _ = signal(SIGCHLD) { _ in
      let before = errno
      var byte: UInt8 = 0
      // One byte from this frame. A pipe that is full holds a notice already.
      _ = unsafe write(ChildReaper.pipe.load(ordering: .relaxed), &byte, 1)
      errno = before
    }
  }

  /// Starts a child.
  /// - Parameter ended: told its status once, as `waitpid` gives it, on another thread.
  func start(
    _ start: () throws(ChildProcess.NotStarted) -> ChildProcess, ended: @escaping @Sendable (Int32) -> Void
  ) throws(ChildProcess.NotStarted) -> ChildProcess {
    // Under the lock, so that it cannot be reaped before it is known.
    try waiting.withLock { waiting throws(ChildProcess.NotStarted) in
      let child = try start()
      waiting[child.id] = ended
      return child
    }
  }

  private func reap() {
    var ends: [(@Sendable (Int32) -> Void, Int32)] = []
    waiting.withLock { waiting in
      var status: Int32 = 0
      while true {
        // Fills the number that it is given.
        let id = unsafe waitpid(-1, &status, WNOHANG)
        guard id > 0 else { break }
        if let ended = waiting.removeValue(forKey: id) { ends.append((ended, status)) }
      }
    }
    for (ended, status) in ends { ended(status) }
  }
}

/// How a child ended, out of the number that `waitpid` gives.
enum ChildEnd: Hashable, Sendable {
  case exited(Int32)
  case signaled(Int32)

  init(status: Int32) {
    let signal = status & 0x7F
    self = signal == 0 ? .exited(status >> 8 & 0xFF) : .signaled(signal)
  }
}

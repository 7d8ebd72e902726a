import Glibc

/// One thread of our own, for work that blocks.
///
/// @unchecked Sendable: `handle` is written in init and taken by `join`, which its owner calls from one thread.
final class SystemThread: @unchecked Sendable {
  private var handle: pthread_t?

  private final class Body {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
  }

  /// Nil: the system has none to give.
  init?(_ run: @escaping @Sendable () -> Void) {
    let body = unsafe Unmanaged.passRetained(Body(run))
    // The thread takes over the one reference that the pointer carries.
    var handle = pthread_t()
    let result = unsafe pthread_create(
      &handle, nil,
      { pointer in
        if let pointer = unsafe pointer { unsafe Unmanaged<Body>.fromOpaque(pointer).takeRetainedValue().run() }
        return nil
      }, body.toOpaque())
    if result != 0 {
      unsafe body.release()
      return nil
    }
    self.handle = handle
  }

  /// Waits until it has ended. Once more does nothing: a thread that was joined is no more.
  func join() {
    guard let handle else { return }
    self.handle = nil
    pthread_join(handle, nil)
  }

  static func sleep(_ duration: Duration) {
    let (seconds, attoseconds) = duration.components
    var time = timespec(tv_sec: Int(seconds), tv_nsec: Int(attoseconds / 1_000_000_000))
    // A local; the rest of an interrupted sleep is not wanted.
    _ = unsafe nanosleep(&time, nil)
  }
}

import Glibc

/// A thread for one thing that blocks.
enum DetachedThread {
  private final class Body: Sendable {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
  }

  private static let stackSize = 256 << 10

  /// - Returns: why there is none; `body` is not run then.
  static func start(_ body: @escaping @Sendable () -> Void) -> ChildProcess.NotStarted? {
    var thread = pthread_t()
    var attributes = pthread_attr_t()
    unsafe pthread_attr_init(&attributes)
    defer { unsafe pthread_attr_destroy(&attributes) }
    unsafe pthread_attr_setstacksize(&attributes, stackSize)
    unsafe pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
    // The thread takes over the reference that is retained here.
    let reference = unsafe Unmanaged.passRetained(Body(body)).toOpaque()
    let code = unsafe pthread_create(
      &thread, &attributes,
      { reference in
        // Retained above for this one use; pthread passes on what it was given.
        if let reference = unsafe reference {
          unsafe Unmanaged<Body>.fromOpaque(reference).takeRetainedValue().run()
        }
        return nil
      }, reference)
    guard code != 0 else { return nil }
    // No thread has taken it over.
    unsafe Unmanaged<Body>.fromOpaque(reference).release()
    return ChildProcess.NotStarted(code)
  }
}

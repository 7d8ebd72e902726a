import Glibc

/// A thread of our own, for work that blocks.
package enum Thread {
  private final class Body {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
  }

  /// - Parameters:
  ///   - name: what `top` and debuggers show; at most 15 bytes.
  ///   - stackSize: bytes; nil: as much as any thread's.
  ///   - run: is not run when there is no thread.
  /// - Returns: whether there is one; if not, `errno` says why.
  package static func start(
    _ name: StaticString, stackSize: Int? = nil, _ run: @escaping @Sendable () -> Void
  ) -> Bool {
    var attributes = pthread_attr_t()
    unsafe pthread_attr_init(&attributes)
    defer { unsafe pthread_attr_destroy(&attributes) }
    // Nobody joins it: its end is told by `run` itself.
    unsafe pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
    if let stackSize { unsafe pthread_attr_setstacksize(&attributes, stackSize) }
    let label = "\(name)"
    let named: @Sendable () -> Void = {
      setName(label)
      run()
    }
    // Retained here, released by the thread; or below, when there is none.
    let body = unsafe Unmanaged.passRetained(Body(named))
    var thread = pthread_t()
    let failure = unsafe pthread_create(
      &thread, &attributes,
      { context in
        unsafe context.map { unsafe Unmanaged<Body>.fromOpaque($0).takeRetainedValue() }?.run()
        return nil
      }, body.toOpaque())
    if failure == 0 { return true }
    unsafe body.release()
    errno = failure
    return false
  }

  /// Of the calling thread. It is only for people who look: without /proc there is none.
  private static func setName(_ name: String) {
    // The literal is a static, NUL-terminated string; the bytes outlive the call.
    let file = unsafe open("/proc/thread-self/comm", O_WRONLY)
    guard file >= 0 else { return }
    _ = unsafe write(file, name, name.utf8.count)
    close(file)
  }
}

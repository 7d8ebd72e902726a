import Glibc

/// A thread that reads signal numbers from a pipe and hands them on.
final class SignalReader: Sendable {
  private let file: Int32
  private let body: @Sendable (UInt8) -> Void

  init(file: Int32, body: @escaping @Sendable (UInt8) -> Void) {
    self.file = file
    self.body = body
  }

  func start() {
    var thread = pthread_t()
    // The thread takes over the reference that is retained here.
    let reference = unsafe Unmanaged.passRetained(self).toOpaque()
    let failure = unsafe pthread_create(
      &thread, nil,
      { reference in
        // Retained by `start` for this one use; pthread passes on what it was given.
        if let reference = unsafe reference {
          unsafe Unmanaged<SignalReader>.fromOpaque(reference).takeRetainedValue().run()
        }
        return nil
      }, reference)
    if failure != 0 {
      unsafe Unmanaged<SignalReader>.fromOpaque(reference).release()
    } else {
      pthread_detach(thread)
    }
  }

  private func run() {
    var byte: UInt8 = 0
    while true {
      // One byte into this frame.
      let count = unsafe read(file, &byte, 1)
      if count == 1 {
        body(byte)
      } else if count == 0 || errno != EINTR {
        return
      }
    }
  }
}

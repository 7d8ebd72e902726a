import Glibc
import Services

/// A thread that reads signal numbers from a pipe and hands them on.
enum SignalReader {
  static func start(file: Int32, body: @escaping @Sendable (UInt8) -> Void) {
    _ = Thread.start("signals") { run(file, body) }
  }

  private static func run(_ file: Int32, _ body: (UInt8) -> Void) {
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

import Glibc

/// Standard output and error, written whole.
enum Terminal {
  static func print(_ text: String) { write(text + "\n", to: STDOUT_FILENO) }
  static func note(_ text: String) { write(text + "\n", to: STDERR_FILENO) }
  static func show(_ text: String) { write(text, to: STDOUT_FILENO) }

  static func write(_ text: String, to descriptor: Int32) { write(Array(text.utf8), to: descriptor) }

  static func write(_ bytes: [UInt8], to descriptor: Int32) {
    var rest = bytes[...]
    while !rest.isEmpty {
      // The slice stays alive for the call, and the kernel reads no more than its count.
      let written = unsafe rest.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if written < 0 {
        if errno == EINTR { continue }
        // The reader has gone (`gkick jobs | head`): there is nobody to tell.
        if errno == EPIPE, descriptor == STDOUT_FILENO { exit(0) }
        // What cannot be said on standard error is not said; the work goes on.
        if descriptor != STDOUT_FILENO { return }
        // The text belongs to the C library and is copied at once.
        let reason = unsafe String(cString: strerror(errno))
        note("gkick: cannot write to standard output: \(reason)")
        exit(ExitCodes.failed)
      }
      rest = rest.dropFirst(written)
    }
  }

  static var isInteractive: Bool { isatty(STDOUT_FILENO) == 1 }
  static var showsProgress: Bool { isatty(STDERR_FILENO) == 1 }

  /// A closed standard descriptor would be the number of the next file or socket that is opened, which would get what is printed.
  static func holdStandardDescriptors() {
    for descriptor in [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO] where fcntl(descriptor, F_GETFD) < 0 {
      // Opened for reading only, so that writing fails as it would without: the lowest free number is this one.
      _ = unsafe open("/dev/null", descriptor == STDERR_FILENO ? O_WRONLY : O_RDONLY)
    }
  }

  /// Standard input is a pipe or a file, so that there is something to be read.
  static var hasInput: Bool {
    // fstat fills the struct it is given.
    var status = stat()
    guard unsafe fstat(STDIN_FILENO, &status) == 0 else { return false }
    return status.st_mode & S_IFMT == S_IFIFO || status.st_mode & S_IFMT == S_IFREG
  }

  /// Bytes of standard input, where that is a file.
  static var inputSize: UInt64? {
    // fstat fills the struct it is given.
    var status = stat()
    guard unsafe fstat(STDIN_FILENO, &status) == 0 else { return nil }
    return status.st_mode & S_IFMT == S_IFREG ? UInt64(status.st_size) : nil
  }

  /// Columns and rows; 80 x 24 where there is no terminal.
  static var size: (columns: Int, rows: Int) {
    var size = winsize()
    // TIOCGWINSZ fills the struct it is given.
    guard unsafe ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return (80, 24) }
    return (Int(size.ws_col), Int(size.ws_row))
  }

  /// All of standard input, at most `limit` bytes; nil: there is more.
  static func readInput(limit: Int) -> [UInt8]? {
    var all: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65_536)
    while true {
      // The buffer is as long as its count says.
      let count = unsafe chunk.withUnsafeMutableBytes { unsafe read(STDIN_FILENO, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      if count <= 0 { return all }
      all += chunk[0..<count]
      if all.count > limit { return nil }
    }
  }
}

import Glibc

/// The terminal's other screen while `gkick top` runs; given back however it ends.
final class TopScreen {
  let isLive: Bool
  /// Keys come one by one, and are not shown, when standard input is the terminal.
  private var before: termios?

  init(isLive: Bool) { self.isLive = isLive }

  private static let leaving: StaticString = "\u{1B}[?25h\u{1B}[?1049l"

  var rows: Int { isLive ? Terminal.size.rows : 100 }
  /// Without a terminal: as wide as it is.
  var columns: Int { isLive ? Terminal.size.columns : .max }

  func enter() {
    guard isLive else { return }
    // Only what a signal handler may do: write and _exit. The text is a constant of the program.
    signal(SIGINT) { _ in
      _ = unsafe write(STDOUT_FILENO, TopScreen.leaving.utf8Start, TopScreen.leaving.utf8CodeUnitCount)
      _exit(0)
    }
    readKeys()
    Terminal.show("\u{1B}[?1049h\u{1B}[?25l")
  }

  private func readKeys() {
    guard isatty(STDIN_FILENO) == 1 else { return }
    var settings = termios()
    // Both calls only use the struct they are given the address of.
    guard unsafe tcgetattr(STDIN_FILENO, &settings) == 0 else { return }
    before = settings
    // Ctrl-C comes as a key too, so that the terminal is put right again.
    settings.c_lflag &= ~tcflag_t(ICANON | ECHO | ISIG)
    _ = unsafe tcsetattr(STDIN_FILENO, TCSANOW, &settings)
  }

  /// Waits so long, or until `q` is pressed, which is told.
  func isLeft(within time: Duration) async throws -> Bool {
    guard before != nil else {
      try await Task.sleep(for: time)
      return false
    }
    let end = ContinuousClock.now + time
    while ContinuousClock.now < end {
      var entry = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
      var key: UInt8 = 0
      // Both fill what they are given the address of; `read` one byte.
      while unsafe poll(&entry, 1, 0) > 0, unsafe read(STDIN_FILENO, &key, 1) == 1 {
        if key == UInt8(ascii: "q") || key == UInt8(ascii: "Q") || key == 3 || key == 4 { return true }
      }
      try await Task.sleep(for: min(.milliseconds(50), max(.zero, end - .now)))
    }
    return false
  }

  func draw(_ text: String) {
    guard isLive else { return Terminal.print(text) }
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false).prefix(rows)
    Terminal.show("\u{1B}[H" + lines.joined(separator: "\u{1B}[K\r\n") + "\u{1B}[J")
  }

  func leave() {
    guard isLive else { return }
    Terminal.show("\(TopScreen.leaving)")
    if var before {
      // The struct that tcgetattr filled.
      _ = unsafe tcsetattr(STDIN_FILENO, TCSANOW, &before)
    }
  }
}

import Glibc

/// The terminal's other screen while `gkick top` runs; given back however it ends.
struct TopScreen {
  let isLive: Bool

  private static let leaving: StaticString = "\u{1B}[?25h\u{1B}[?1049l"

  var rows: Int { isLive ? Terminal.size.rows : 100 }

  func enter() {
    guard isLive else { return }
    // Only what a signal handler may do: write and _exit. The text is a constant of the program.
    signal(SIGINT) { _ in
      _ = unsafe write(STDOUT_FILENO, TopScreen.leaving.utf8Start, TopScreen.leaving.utf8CodeUnitCount)
      _exit(0)
    }
    Terminal.show("\u{1B}[?1049h\u{1B}[?25l")
  }

  func draw(_ text: String) {
    guard isLive else { return Terminal.print(text) }
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false).prefix(rows)
    Terminal.show("\u{1B}[H" + lines.joined(separator: "\u{1B}[K\r\n") + "\u{1B}[J")
  }

  func leave() {
    if isLive { Terminal.show("\(TopScreen.leaving)") }
  }
}

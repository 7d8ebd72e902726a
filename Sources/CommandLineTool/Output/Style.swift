import FoundationEssentials
import Glibc

/// Colours and weights, only where a terminal shows them and `NO_COLOR` is not set (https://no-color.org).
struct Style {
  let isOn: Bool

  static func forStandardOutput() -> Style {
    let environment = ProcessInfo.processInfo.environment
    let refused = environment["NO_COLOR"].map { !$0.isEmpty } ?? false || environment["TERM"] == "dumb"
    return Style(isOn: isatty(STDOUT_FILENO) == 1 && !refused)
  }

  func bold(_ text: String) -> String { wrap(text, "1") }
  func dim(_ text: String) -> String { wrap(text, "2") }
  func red(_ text: String) -> String { wrap(text, "31") }
  func green(_ text: String) -> String { wrap(text, "32") }
  func yellow(_ text: String) -> String { wrap(text, "33") }

  private func wrap(_ text: String, _ code: String) -> String { isOn ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text }
}

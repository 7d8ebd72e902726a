/// A line that a program wrote to its report descriptor: `progress 40 half way` tells how far it has come, every other line is for the
/// worker's log.
enum ProgramReport: Hashable {
  case progress(Int, String)
  case log(String)

  init?(_ line: [UInt8]) {
    let text = String(decoding: line, as: UTF8.self)
    let words = text.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: true)
    if words.first == "progress", words.count > 1, let percent = Self.percent(words[1]) {
      self = .progress(percent, words.count > 2 ? String(words[2]) : "")
    } else if !words.isEmpty {
      self = .log(words.first == "log" && words.count > 1 ? words.dropFirst().joined(separator: " ") : text)
    } else {
      return nil
    }
  }

  /// `40`, `40%` or `40.5`, held to 0...100.
  private static func percent(_ text: Substring) -> Int? {
    guard let number = Double(text.hasSuffix("%") ? text.dropLast() : text), number.isFinite else { return nil }
    return Int(min(100, max(0, number)))
  }
}

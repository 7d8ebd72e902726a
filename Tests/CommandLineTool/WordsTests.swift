import Jobs
import Testing

@testable import CommandLineTool

@Suite struct WordsTests {
  @Test(arguments: [
    ("--prio", "--priority"), ("--explian", "--explain"), ("--stat", "--state"), ("--xyzzy", nil),
    ("--prioritiy", "--priority"),
  ])
  func `The nearest flag`(_ given: String, _ meant: String?) {
    #expect(Suggestions.nearest(to: given, among: ["--priority", "--state", "--explain", "--json"]) == meant)
  }

  @Test func `A swap of two letters is one step`() {
    #expect(Suggestions.distance("enqeue", "enqueue") == 1)
    #expect(Suggestions.distance("", "abc") == 3)
    #expect(Suggestions.distance("ab", "ba") == 1)
    #expect(Suggestions.distance("same", "same") == 0)
  }

  @Test func `Only the first word is a command`() {
    #expect(Suggestions.command(in: ["enque", "--queue", "x"])?.contains("gkick enqueue") == true)
    #expect(Suggestions.command(in: ["enqueue", "enque"]) == nil)
    #expect(Suggestions.command(in: ["--version"]) == nil)
    #expect(Suggestions.command(in: ["help", "nothing"]) == nil)
  }

  @Test func `What is too long names the bound`() throws {
    #expect(try IntervalText.read("36525d") == .days(36_525))
    #expect { try IntervalText.read("100000d") } throws: { "\($0)".contains("36525d") }
    #expect { try IntervalText.read("soon") } throws: { "\($0)".contains("such as") }
  }

  @Test(arguments: ["\u{1B}[2J", "\u{9B}2J", "\u{202E}", "\u{7F}", "\r\n", "\u{2066}"])
  func `What steers a terminal is made harmless`(_ text: String) {
    let line = Table.onOneLine("a\(text)b")
    #expect(line.hasPrefix("a·") && line.hasSuffix("b"))
    #expect(!line.unicodeScalars.contains { $0.value < 32 || (0x7F..<0xA0).contains($0.value) || $0.value > 0x2000 })
  }

  @Test func `A table fits where it is to`() {
    var table = Table("NAME", "#COUNT", "NOTE")
    table.add(["a-long-name-of-something", "12", "words"])
    let style = Style(isOn: false)
    func width(_ columns: Int) -> Int {
      table.text(style: style, columns: columns, dropping: [2]).split(separator: "\n").map(\.count).max() ?? 0
    }
    #expect(width(80) == 38)
    #expect(width(31) == 31)
    #expect(width(20) == 20)
    #expect(!table.text(style: style, columns: 31, dropping: [2]).contains("NOTE"))
  }
}

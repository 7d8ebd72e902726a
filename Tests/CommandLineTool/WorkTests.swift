import Testing

@testable import CommandLineTool

@Suite struct WorkTests {
  @Test(arguments: [
    ("progress 40 half way", ProgramReport.progress(40, "half way")), ("progress 40", .progress(40, "")),
    ("progress 40.7% x", .progress(40, "x")), ("progress 1e99", .progress(100, "")),
    ("progress -3 a b", .progress(0, "a b")),
    ("progress", .log("progress")), ("progress nan", .log("progress nan")), ("log two words", .log("two words")),
    ("  indented", .log("  indented")),
  ])
  func `A line is progress or for the log`(_ line: String, _ expected: ProgramReport) {
    #expect(ProgramReport(Array(line.utf8)) == expected)
  }

  @Test func `An empty line says nothing`() {
    #expect(ProgramReport([]) == nil)
    #expect(ProgramReport(Array("   ".utf8)) == nil)
  }

  @Test func `Bytes in pieces become lines`() {
    var cutter = LineCutter()
    var lines: [String] = []
    func tell(_ line: [UInt8]) { lines.append(String(decoding: line, as: UTF8.self)) }
    for piece in ["on", "e\ntw", "o\n\nthr"] { cutter.add(Array(piece.utf8)[...], tell) }
    #expect(lines == ["one", "two", ""])
    cutter.finish(tell)
    #expect(lines == ["one", "two", "", "thr"])
  }

  @Test func `A line without an end does not grow`() {
    var cutter = LineCutter()
    var sizes: [Int] = []
    let piece = [UInt8](repeating: 120, count: 10_000)
    for _ in 0..<10 { cutter.add(piece[...]) { sizes.append($0.count) } }
    cutter.finish { sizes.append($0.count) }
    #expect(sizes.reduce(0, +) == 100_000)
    #expect(sizes.allSatisfy { $0 <= 16 << 10 })
  }

  @Test(arguments: [
    ("trace-id", "GKICK_METADATA_TRACE_ID"), ("tenant.7", "GKICK_METADATA_TENANT_7"), ("é", "GKICK_METADATA__"),
    ("a=b c\n", "GKICK_METADATA_A_B_C_"), ("ß", "GKICK_METADATA__"), ("", "GKICK_METADATA_"),
  ])
  func `A metadata key as a variable`(_ key: String, _ name: String) {
    #expect(ProgramRunner.metadataVariable(key) == name)
  }

  @Test(arguments: [
    ("./run.sh --flag", "./run.sh"), ("  ls;x", "ls"), ("cat|wc", "cat"), ("A=1 run", nil), ("'a b'", nil),
    ("$X y", nil),
    ("~/bin/x", nil), ("(cd x)", nil), ("", nil),
  ])
  func `The first word, where it is one`(_ command: String, _ word: String?) {
    #expect(ProgramCheck.firstWord(of: command) == word)
  }

  @Test func `How a child ended`() {
    #expect(ChildEnd(status: 0) == .exited(0))
    #expect(ChildEnd(status: 0x4B00) == .exited(75))
    #expect(ChildEnd(status: 9) == .signaled(9))
    #expect(ChildEnd(status: 0x8B) == .signaled(11))
  }

  @Test func `A run that is stopped before it begins leaves nothing behind`() async throws {
    let run = ProgramRun(.init(command: "sleep 60", maxOutput: 10, grace: .seconds(30)))
    run.stop(atOnce: true)
    #expect(try await run.result().end == .signaled(9))
  }
}

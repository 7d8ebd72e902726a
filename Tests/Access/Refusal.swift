import Testing

@testable import Access

/// The file is not taken, and who wrote it is told where and why.
func expectRefusal(_ text: String, _ line: Int, _ words: String, _ location: SourceLocation = #_sourceLocation) {
  do {
    _ = try AccessFile(text)
    Issue.record("it was taken", sourceLocation: location)
  } catch {
    #expect(error.line == line, sourceLocation: location)
    #expect(error.reason.contains(words), "\(error)", sourceLocation: location)
  }
}

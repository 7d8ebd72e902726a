import Testing

/// One promise of the state's verbs.
struct VerbCase: Sendable, CustomTestStringConvertible {
  let testDescription: String
  let run: @Sendable () throws -> Void

  init(_ name: String, _ run: @escaping @Sendable () throws -> Void) {
    testDescription = name
    self.run = run
  }
}

/// What each verb does to jobs, told as a caller of the state sees it.
enum VerbSuite {
  static let cases =
    enqueueCases + uniqueCases + claimCases + settleCases + timeCases + controlCases + readerCases + tickCases
}

struct VerbTests {
  @Test(arguments: VerbSuite.cases)
  func holds(_ verbCase: VerbCase) throws { try verbCase.run() }
}

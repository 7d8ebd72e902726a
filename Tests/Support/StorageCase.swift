import Testing

/// One promise of `Storage`, checked on a storage of any kind.
public struct StorageCase: Sendable, CustomTestStringConvertible {
  public let testDescription: String
  public let run: @Sendable (any StorageHarness) throws -> Void

  init(_ name: String, _ run: @escaping @Sendable (any StorageHarness) throws -> Void) {
    testDescription = name
    self.run = run
  }
}

/// The suite that every storage passes. In a storage's tests:
///
///     @Test(arguments: StorageConformance.cases)
///     func conforms(_ storageCase: StorageCase) throws { try storageCase.run(MyHarness()) }
public enum StorageConformance {
  public static let cases: [StorageCase] =
    writeCases + loadCases + rowCases + listCases + eventCases + leadershipCases + storyCases
}

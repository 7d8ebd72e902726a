import Testing

/// One promise of `JobStore`, checked on a store of any kind.
public struct StoreCase: Sendable, CustomTestStringConvertible {
  public let testDescription: String
  public let run: @Sendable (any StoreHarness) throws -> Void

  init(_ name: String, _ run: @escaping @Sendable (any StoreHarness) throws -> Void) {
    testDescription = name
    self.run = run
  }
}

/// The suite that every store passes. In a store's tests:
///
///     @Test(arguments: StoreConformance.cases)
///     func conforms(_ storeCase: StoreCase) throws { try storeCase.run(MyHarness()) }
public enum StoreConformance {
  public static let cases: [StoreCase] =
    enqueueCases + uniqueCases + claimCases + settleCases + timeCases + controlCases + readerCases + tickCases
    + differentialCases
}

import Support
import Testing

/// The verbs, on the storage in memory.
struct VerbTests {
  /// What the old stores promise and the state does not: renewals that others may have made, undoing, events that are trimmed (a storage's
  /// own business), deadlines that follow the wall clock over a restart.
  private static let others: Set<String> = [
    "a lease that another server has renewed is left alone by one that knows an earlier end",
    "opening a store that nobody served gives every lease a full term",
    "numbers and cursors go on after everything was forgotten and the store reopened",
    "a claimed job carries what its worker needs",
  ]

  static let cases = StoreConformance.cases.filter {
    !others.contains($0.testDescription) && !$0.testDescription.hasPrefix("random commands")
      && !$0.testDescription.hasPrefix("events are trimmed")
  }

  @Test(arguments: cases)
  func conforms(_ storeCase: StoreCase) throws { try storeCase.run(BacklogHarness()) }
}

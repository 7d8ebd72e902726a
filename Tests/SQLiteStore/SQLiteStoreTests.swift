import Support
import Testing

@Suite(.aside) struct SQLiteStoreTests {
  @Test(arguments: StoreConformance.cases)
  func conforms(_ storeCase: StoreCase) throws { try storeCase.run(SQLiteHarness()) }
}

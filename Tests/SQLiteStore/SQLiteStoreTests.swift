import Support
import Testing

@Suite struct SQLiteStoreTests {
  @Test(arguments: StoreConformance.cases)
  func conforms(_ storeCase: StoreCase) throws { try storeCase.run(SQLiteHarness()) }
}

import Support
import Testing

@Suite(.aside) struct MemoryStoreTests {
  @Test(arguments: StoreConformance.cases)
  func conforms(_ storeCase: StoreCase) throws { try storeCase.run(MemoryHarness()) }
}

import Support
import Testing

@Suite(.needsRedis, .aside)
struct RedisConformanceTests {
  @Test(arguments: StoreConformance.cases)
  func conforms(_ storeCase: StoreCase) throws { try storeCase.run(RedisHarness()) }
}

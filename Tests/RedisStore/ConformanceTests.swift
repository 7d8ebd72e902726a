import Support
import Testing

@Suite(.enabled(if: RedisProcess.isInstalled, "redis-server is not installed: Scripts/setup installs it"))
struct RedisConformanceTests {
  @Test(arguments: StoreConformance.cases)
  func conforms(_ storeCase: StoreCase) throws { try storeCase.run(RedisHarness()) }
}

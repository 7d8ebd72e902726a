import Support
import Testing

@Suite(.needsRedis, .aside) struct RedisStorageConformance {
  @Test(arguments: StorageConformance.cases) func conforms(_ storageCase: StorageCase) throws {
    try storageCase.run(RedisStorageHarness())
  }
}

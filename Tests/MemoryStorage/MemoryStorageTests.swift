import Jobs
import MemoryStorage
import Support
import Testing

@Suite struct MemoryStorageTests {
  @Test(arguments: StorageConformance.cases) func conforms(_ storageCase: StorageCase) throws {
    try storageCase.run(MemoryStorageHarness())
  }

  @Test(arguments: StorageConformance.cases) func conformsWhenItIsShared(_ storageCase: StorageCase) throws {
    try storageCase.run(MemoryStorageHarness(isShared: true))
  }
}

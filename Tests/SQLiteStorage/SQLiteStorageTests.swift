import Jobs
import Support
import Testing

@Suite struct SQLiteStorageTests {
  @Test(arguments: StorageConformance.cases) func conforms(_ storageCase: StorageCase) throws {
    try storageCase.run(SQLiteStorageHarness())
  }
}

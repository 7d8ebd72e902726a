import Support
import Testing

@Suite(.enabled(if: PostgresProcess.isInstalled, "PostgreSQL is not installed: Scripts/setup test"), .aside)
struct PostgresConformanceTests {
  @Test(arguments: StorageConformance.cases)
  func conforms(_ storageCase: StorageCase) throws { try storageCase.run(PostgresHarness()) }
}

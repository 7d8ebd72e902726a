import Support
import Testing

@Suite(.enabled(if: MariaProcess.isInstalled, "MariaDB is not installed: Scripts/setup test"), .aside)
struct MySQLConformanceTests {
  @Test(arguments: StorageConformance.cases)
  func conforms(_ storageCase: StorageCase) throws { try storageCase.run(MySQLHarness()) }
}

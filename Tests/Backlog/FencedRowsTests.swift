import Jobs
import MemoryStorage
import Testing

@testable import Backlog

struct FencedRowsTests {
  /// Another took over while this one stood still.
  @Test func rowsThatAnotherLeaderMayHaveChangedAreNotGiven() throws {
    let storage = MemoryStorage(salt: 7)
    let own = try storage.beginEpoch()
    let rows = FencedRows(storage.rows, own)
    #expect(try rows.jobs([1], bodies: false).isEmpty == false)
    _ = try storage.beginEpoch()
    func kind(_ body: () throws(StoreError) -> Void) -> StoreError.Kind? {
      do throws(StoreError) { try body() } catch { return error.kind }
      return nil
    }
    #expect(kind { () throws(StoreError) in _ = try rows.jobs([1], bodies: false) } == .deposed)
    #expect(kind { () throws(StoreError) in _ = try rows.jobs(ids: ["a"]) } == .deposed)
    #expect(kind { () throws(StoreError) in _ = try rows.expired(by: .distantFuture, limit: 1) } == .deposed)
    #expect(kind { () throws(StoreError) in _ = try rows.jobs(matching: JobQuery()) } == .deposed)
  }
}

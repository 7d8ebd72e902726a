import CSQLite
import Jobs
import Support
import Testing

@testable import SQLiteStorage

@Suite struct OverlayTests {
  /// Memory is given back after a burst, once, and not while it lasts nor after what is usual.
  @Test func tellsWhenABurstIsOver() {
    let overlay = Overlay(durable: 0)
    let catalogue = Catalogue()
    func apply(bytes: Int) -> Bool {
      overlay.add([], PackedEvents(), Mark(), bytes: bytes, catalogue)
      guard case .apply = overlay.next(isIdleKnown: false) else {
        Issue.record("there is nothing to be applied")
        return false
      }
      return overlay.noteApplied()
    }
    #expect(!apply(bytes: 5 << 20))
    #expect(!apply(bytes: 5 << 20))
    #expect(apply(bytes: 100))
    #expect(!apply(bytes: 100))
    #expect(!overlay.noteIdle())
    // What came in small batches is given back when nothing more comes.
    for _ in 0..<3 { #expect(!apply(bytes: 2 << 20)) }
    #expect(overlay.noteIdle())
    #expect(!overlay.noteIdle())
  }

  /// That it is tidied up each second, as a server does, does not put off what is done when nothing was added for a second.
  @Test func tidyingIsNoWork() async {
    let overlay = Overlay(durable: 0)
    await withTaskGroup(of: Void.self) { group in
      group.addTask {
        while !Task.isCancelled {
          overlay.tidy(at: Timestamp(seconds: 1))
          try? await Task.sleep(for: .milliseconds(100))
        }
      }
      var tidied = 0
      loop: while tidied < 300 {
        switch overlay.next(isIdleKnown: false) {
        case .tidy:
          tidied += 1
          overlay.noteTidied()
        case .idle: break loop
        default: Issue.record("there is nothing else to do")
        }
      }
      #expect(tidied < 300)
      group.cancelAll()
    }
  }

  /// The pages that SQLite keeps of a burst go with it.
  @Test func pagesAreForgotten() throws {
    let folder = TemporaryFolder()
    let storage = try SQLiteStorage.small(path: folder.path + "/store", salt: 5)
    let epoch = try storage.beginEpoch()
    for number in 1...50 { try storage.write([.oneJob(UInt64(number), .relaxed, body: 20_000)], epoch: epoch) }
    try storage.overlay.settle()
    func kept() throws -> Int32 {
      try storage.database.locked { database in
        var (now, most): (Int32, Int32) = (0, 0)
        sqlite3_db_status(database.connection.handle, SQLITE_DBSTATUS_CACHE_USED, &now, &most, 0)
        return now
      }
    }
    #expect(try kept() > 1_000_000)
    try storage.database.locked { $0.forgetPages() }
    #expect(try kept() < 100_000)
    try storage.write([.oneJob(51, body: 10)], epoch: epoch)
    #expect(try storage.reader.jobs(JobQuery()).jobs.count == 51)
    try storage.close()
  }
}

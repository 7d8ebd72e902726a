import Jobs
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
  }
}

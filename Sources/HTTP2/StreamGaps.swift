/// Remembers which stream ids a client jumped over, so that a HEADERS frame on one of them is told from one on a stream that was open
/// and closed: the first is a connection error PROTOCOL_ERROR (RFC 9113 section 5.1.1), which libnghttp2 1.52 lets pass.
///
/// Clients do not jump, so the list is empty; of one that jumps often only the last few gaps are remembered.
struct StreamGaps {
  private static let limit = 16

  private var highest: Int32 = -1
  private var gaps: [ClosedRange<Int32>] = []

  /// Notes a HEADERS frame from the client. False when its id was jumped over earlier.
  mutating func opens(_ id: Int32) -> Bool {
    if id > highest {
      if id > highest + 2, highest + 2 <= id - 2 {
        if gaps.count == Self.limit { gaps.removeFirst() }
        gaps.append(highest + 2...id - 2)
      }
      highest = id
      return true
    }
    if gaps.isEmpty { return true }
    return !gaps.contains { $0.contains(id) }
  }
}

import Jobs

/// One page of a list being put together, a bounded piece at a time. It ends early once it would make too large a message, and once it has
/// looked long enough without filling it: a page may hold fewer than asked for, or none, and yet have a next one.
struct PageScan {
  /// Microseconds of one turn: who else lists waits no longer for its own.
  static let turn: Int64 = 10_000
  /// Pieces looked at for one page, each of a few thousand rows at most.
  static let maxPieces = 500

  private(set) var page: JobPage
  private let query: JobQuery
  private var size = 0
  private var pieces = 0

  init(_ query: JobQuery) {
    self.query = query
    page = JobPage(jobs: [], next: query.before)
  }

  /// Looks at the next piece. True: the page is done.
  mutating func step(_ reader: any JobReader) throws(StoreError) -> Bool {
    var piece = query
    piece.limit = min(query.limit - page.jobs.count, 32)
    piece.before = page.next
    let found = try reader.jobs(piece)
    for job in found.jobs where query.takes(job) {
      size += job.messageSize
      if size > MessageSize.answer, !page.jobs.isEmpty { return true }
      page.jobs.append(job)
      page.next = job.seq
    }
    page.next = found.next
    pieces += 1
    return found.next == nil || page.jobs.count >= query.limit || pieces >= Self.maxPieces
  }
}

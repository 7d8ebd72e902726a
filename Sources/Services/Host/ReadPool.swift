import Engine
import Jobs

/// What is looked up in the store.
enum ReadRequest: Sendable {
  case job(id: String)
  case jobs(JobQuery)
  case events(after: Int64, limit: Int)
}

enum ReadAnswer: Sendable {
  case job(JobRecord?)
  case jobs(JobPage)
  case events(EventPage)
  case failed(StoreError)
}

/// Threads that read the store, so that neither loops nor the engine wait for it.
final class ReadPool: @unchecked Sendable {  // Everything mutable is touched with the gate's lock held.
  private let gate = Gate()
  private let reader: any JobReader
  private let limit: Int
  private var queue: [(ReadRequest, Route)] = []
  private var isClosed = false
  private var failed: UInt64 = 0
  private var running = 0

  init(reader: any JobReader, limits: HostLimits) {
    self.reader = reader
    limit = limits.reads
  }

  /// - Parameter deliver: called on a reader thread.
  func start(threads: Int, deliver: @escaping @Sendable ([(ReadAnswer, Route)]) -> Void) -> Bool {
    for _ in 0..<threads {
      gate.lock()
      running += 1
      gate.unlock()
      guard Thread.start({ self.run(deliver) }) else { return false }
    }
    return true
  }

  /// Whether there was room.
  func push(_ request: ReadRequest, _ route: Route) -> Bool {
    gate.lock()
    let isTaken = queue.count < limit && !isClosed
    if isTaken { queue.append((request, route)) }
    gate.unlock()
    if isTaken { gate.signal() }
    return isTaken
  }

  /// Returns when no thread reads any more.
  func close() {
    gate.lock()
    isClosed = true
    queue.removeAll()
    gate.broadcast()
    while running > 0 { gate.wait(microseconds: 10_000) }
    gate.unlock()
  }

  var failures: UInt64 {
    gate.lock()
    defer { gate.unlock() }
    return failed
  }

  private func run(_ deliver: @Sendable ([(ReadAnswer, Route)]) -> Void) {
    while true {
      gate.lock()
      while queue.isEmpty, !isClosed { gate.wait() }
      if isClosed {
        running -= 1
        gate.unlock()
        return
      }
      // A few at a time: large answers are not to pile up here.
      let batch = Array(queue.prefix(8))
      queue.removeFirst(batch.count)
      gate.unlock()
      deliver(batch.map { (answer($0.0), $0.1) })
    }
  }

  private func answer(_ request: ReadRequest) -> ReadAnswer {
    do throws(StoreError) {
      switch request {
      case .job(let id): return .job(try reader.job(id: id))
      case .jobs(let query): return .jobs(try page(query))
      case .events(let cursor, let limit): return .events(try reader.events(after: cursor, limit: limit))
      }
    } catch {
      gate.lock()
      failed += 1
      gate.unlock()
      return .failed(error)
    }
  }

  /// A page may hold a thousand jobs of a megabyte each: it ends early once it would make too large a message.
  private func page(_ query: JobQuery) throws(StoreError) -> JobPage {
    var page = JobPage(jobs: [], next: query.before)
    var size = 0
    var slice = query
    while page.jobs.count < query.limit {
      slice.limit = min(query.limit - page.jobs.count, 32)
      slice.before = page.next
      let part = try reader.jobs(slice)
      for job in part.jobs {
        size += job.job.body.count + job.result.count + 300
        for failure in job.failures { size += failure.message.utf8.count + failure.backtrace.utf8.count + 100 }
        if size > ReadPool.pageSize, !page.jobs.isEmpty { return page }
        page.jobs.append(job)
        page.next = job.seq
      }
      page.next = part.next
      if part.next == nil { break }
    }
    return page
  }

  /// Bytes of jobs in one page, about. Stock clients refuse messages of more than 4 MiB.
  private static let pageSize = 2 << 20
}

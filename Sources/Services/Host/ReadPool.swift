import Engine
import Glibc
import Jobs
import Synchronization

/// What is looked up in the store.
enum ReadRequest: Sendable {
  case job(id: String)
  case jobs(JobQuery)
  case events(after: Int64, limit: Int)

  /// Whether it may have to look at far more than it finds.
  var isScan: Bool { if case .jobs = self { true } else { false } }
}

enum ReadAnswer: Sendable {
  case job(JobRecord?)
  case jobs(JobPage)
  case events(EventPage)
  case failed(StoreError)
}

/// What was asked of the readers, by whom it may be withdrawn: nobody waits for the answer any more.
final class ReadTicket: Sendable {
  private let withdrawn = Atomic(false)

  func withdraw() { withdrawn.store(true, ordering: .relaxed) }
  var isWithdrawn: Bool { withdrawn.load(ordering: .relaxed) }
}

/// Threads that read the store, so that neither loops nor the engine wait for it. Lists are read a piece at a time and take turns; one thread
/// at least is always left to those who want one job.
final class ReadPool: @unchecked Sendable {  // Everything mutable is touched with the gate's lock held.
  private struct Asked {
    var request: ReadRequest
    var route: Route
    var ticket: ReadTicket
    /// Of a list that is being read.
    var scan: PageScan?
  }

  private let gate = Gate()
  private let reader: any JobReader
  private let limit: Int
  private var quick: [Asked] = []
  private var scans: [Asked] = []
  private var scanning = 0
  private var maxScanning = 1
  private var isClosed = false
  private var failed: UInt64 = 0
  private var running = 0
  /// Where answers go when there are no threads: each is read when it is asked for.
  private var inline: (@Sendable ([(ReadAnswer, Route)]) -> Void)?

  init(reader: any JobReader, limits: HostLimits) {
    self.reader = reader
    limit = limits.reads
  }

  /// - Parameter deliver: called on a reader thread.
  func start(threads: Int, deliver: @escaping @Sendable ([(ReadAnswer, Route)]) -> Void) -> Bool {
    gate.lock()
    maxScanning = max(1, threads - 1)
    gate.unlock()
    for _ in 0..<threads {
      gate.lock()
      running += 1
      gate.unlock()
      guard Thread.start("reader", { self.run(deliver) }) else { return false }
    }
    return true
  }

  /// Instead of threads: whoever asks reads.
  func startInline(deliver: @escaping @Sendable ([(ReadAnswer, Route)]) -> Void) {
    gate.lock()
    inline = deliver
    gate.unlock()
  }

  /// nil: there was no room.
  func push(_ request: ReadRequest, _ route: Route) -> ReadTicket? {
    let asked = Asked(request: request, route: route, ticket: ReadTicket())
    gate.lock()
    if let inline {
      gate.unlock()
      inline([(answer(request), route)])
      return asked.ticket
    }
    let isTaken = quick.count + scans.count < limit && !isClosed
    if isTaken, request.isScan { scans.append(asked) } else if isTaken { quick.append(asked) }
    gate.unlock()
    guard isTaken else { return nil }
    gate.signal()
    return asked.ticket
  }

  /// Returns when no thread reads any more.
  func close() {
    gate.lock()
    isClosed = true
    quick.removeAll()
    scans.removeAll()
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
      while quick.isEmpty, scans.isEmpty || scanning >= maxScanning, !isClosed { gate.wait() }
      if isClosed {
        running -= 1
        gate.unlock()
        return
      }
      if !quick.isEmpty {
        // A few at a time: large answers are not to pile up here.
        let batch = Array(quick.prefix(8))
        quick.removeFirst(batch.count)
        gate.unlock()
        deliver(batch.filter { !$0.ticket.isWithdrawn }.map { (answer($0.request), $0.route) })
      } else {
        var asked = scans.removeFirst()
        scanning += 1
        gate.unlock()
        let result = asked.ticket.isWithdrawn ? nil : go(on: &asked)
        if let result { deliver([(result, asked.route)]) }
        gate.lock()
        scanning -= 1
        if result == nil, !asked.ticket.isWithdrawn, !isClosed { scans.append(asked) }
        let isMore = !scans.isEmpty
        gate.unlock()
        if isMore { gate.signal() }
      }
    }
  }

  private func answer(_ request: ReadRequest) -> ReadAnswer {
    do throws(StoreError) {
      switch request {
      case .job(let id): return .job(try reader.job(id: id))
      case .jobs(let query):
        var scan = PageScan(query)
        while try !scan.step(reader) {}
        return .jobs(scan.page)
      case .events(let cursor, let limit): return .events(try reader.events(after: cursor, limit: limit))
      }
    } catch {
      return failed(error)
    }
  }

  /// One turn of a list; nil: it is not done.
  private func go(on asked: inout Asked) -> ReadAnswer? {
    guard case .jobs(let query) = asked.request else { return answer(asked.request) }
    var scan = asked.scan ?? PageScan(query)
    asked.scan = nil
    let end = WallClock.read(CLOCK_MONOTONIC) + PageScan.turn
    do throws(StoreError) {
      repeat {
        if try scan.step(reader) { return .jobs(scan.page) }
      } while WallClock.read(CLOCK_MONOTONIC) < end && !asked.ticket.isWithdrawn
    } catch {
      return failed(error)
    }
    asked.scan = scan
    return nil
  }

  private func failed(_ error: StoreError) -> ReadAnswer {
    gate.lock()
    failed += 1
    gate.unlock()
    return .failed(error)
  }
}

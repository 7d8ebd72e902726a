import Jobs
import Synchronization

/// What was committed, for any thread.
final class MemoryReader: JobReader {
  private struct Snapshot {
    var records: [Int64: JobRecord] = [:]
    var seqs: [String: Int64] = [:]
    /// Cursors are gapless, so an event is found by its distance from the first.
    var events: ArraySlice<Event> = []
    var bytes: Int64 = 0
    /// Every event up to here is gone.
    var trimmed: Int64 = 0
  }
  private let snapshot = Mutex(Snapshot())

  /// - Parameter trimmed: events up to this cursor go.
  func apply(_ changes: [(Int64, JobRecord?)], events: [Event], trimmed: Int64) {
    snapshot.withLock { snapshot in
      for (seq, record) in changes {
        // A job forgotten in this tick may have left its id to another.
        if let old = snapshot.records[seq], snapshot.seqs[old.job.id] == seq { snapshot.seqs[old.job.id] = nil }
        snapshot.records[seq] = record
        if let record { snapshot.seqs[record.job.id] = seq }
      }
      while let first = snapshot.events.first, first.cursor <= trimmed {
        snapshot.bytes -= Self.size(of: first)
        snapshot.trimmed = first.cursor
        snapshot.events.removeFirst()
      }
      snapshot.events += events
      for event in events { snapshot.bytes += Self.size(of: event) }
    }
  }

  /// How far to trim beyond `trimmed` (as cursor), at most `limit` events, and the time of the oldest that would stay.
  func trim(beyond trimmed: Int64, before: Timestamp, bytes: Int64, limit: Int) -> (trimmed: Int64, oldest: Timestamp?)
  {
    snapshot.withLock { snapshot in
      var result = (trimmed: trimmed, oldest: Timestamp?.none)
      var stored = snapshot.bytes
      var left = limit
      for event in snapshot.events {
        if event.cursor > trimmed {
          if left == 0 || event.at > before && stored <= bytes {
            result.oldest = event.at
            break
          }
          result.trimmed = event.cursor
          left -= 1
        }
        stored -= Self.size(of: event)
      }
      return result
    }
  }

  /// About what a stored event takes.
  private static func size(of event: Event) -> Int64 {
    Int64(32 + event.jobID.utf8.count + event.queue.utf8.count + event.name.utf8.count + event.workerID.utf8.count)
  }

  func job(id: String) -> JobRecord? {
    snapshot.withLock { snapshot in snapshot.seqs[id].flatMap { snapshot.records[$0] } }
  }

  func jobs(_ query: JobQuery) -> JobPage {
    snapshot.withLock { snapshot in
      let limit = min(max(query.limit, 1), 1000)
      var page = JobPage(jobs: [], next: nil)
      for seq in snapshot.records.keys.sorted(by: >) where query.before.map({ seq < $0 }) ?? true {
        guard let record = snapshot.records[seq], query.takes(record) else { continue }
        if page.jobs.count == limit {
          page.next = page.jobs.last?.seq
          break
        }
        page.jobs.append(record)
      }
      return page
    }
  }

  func events(after cursor: Int64, limit: Int) -> EventPage {
    snapshot.withLock { snapshot in
      guard cursor <= 0 || cursor >= snapshot.trimmed else { return .trimmed(oldest: snapshot.trimmed) }
      let skipped = min(Int(max(0, cursor - snapshot.trimmed)), snapshot.events.count)
      let events = Array(snapshot.events.dropFirst(skipped).prefix(max(0, limit)))
      return .events(events, next: events.last?.cursor ?? cursor)
    }
  }
}

extension JobQuery {
  fileprivate func takes(_ record: JobRecord) -> Bool {
    (queue.isEmpty || queue == record.job.queue) && (states.isEmpty || states.contains(record.state))
      && (name.isEmpty || name == record.job.name) && (batchID.isEmpty || batchID == record.job.options.batchID)
  }
}

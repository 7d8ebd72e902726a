import Jobs
import Testing

/// Checks that what a store's events tell is what its jobs are, with no cursor missing.
func checkStory(_ store: any JobStore) throws {
  var states: [String: JobState] = [:]
  var cursor: Int64 = 0
  while case .events(let events, let next) = try store.reader.events(after: cursor, limit: 500), !events.isEmpty {
    for event in events {
      #expect(event.cursor == cursor + 1)
      cursor = event.cursor
      switch event.kind {
      case .scheduled: states[event.jobID] = .scheduled
      case .enqueued: states[event.jobID] = .ready
      case .started: states[event.jobID] = .running
      case .succeeded: states[event.jobID] = .succeeded
      case .failed: states[event.jobID] = .retrying
      case .dead: states[event.jobID] = .dead
      case .canceled: states[event.jobID] = .canceled
      case .expired: states[event.jobID] = .expired
      default: break
      }
    }
    #expect(next == cursor)
  }
  #expect(cursor == store.lastEventCursor)
  var query = JobQuery()
  query.limit = 1_000
  var found: [String: JobState] = [:]
  repeat {
    let page = try store.reader.jobs(query)
    for record in page.jobs { found[record.job.id] = record.state }
    query.before = page.next
  } while query.before != nil
  #expect(found == states)
}

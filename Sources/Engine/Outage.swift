import Jobs

/// The storage failed.
struct Outage {
  enum Step {
    /// Nothing is asked of the storage before then.
    case resting(until: Instant)
    case loading
    /// The state is loaded; the storage has to show that it takes writes before any job is given out.
    case probing(ticket: UInt64)
  }
  var step: Step
  var error: StoreError
  var failures = 1
}

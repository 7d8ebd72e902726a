import Jobs

/// What is to be said of a store that fails: once, and once more when it is well again, however often it is looked at.
struct StoreWatch {
  enum News: Hashable {
    case fails(StoreError)
    case isWell(after: Duration)
  }

  /// How often to look: an operator hears of it within a second.
  static let interval = Duration.milliseconds(250)

  private var since: ContinuousClock.Instant?

  /// nil: nothing is new.
  mutating func look(_ trouble: StoreError?, at now: ContinuousClock.Instant) -> News? {
    switch (trouble, since) {
    case (let trouble?, nil):
      since = now
      return .fails(trouble)
    case (nil, let began?):
      since = nil
      return .isWell(after: now - began)
    case (.some, .some), (nil, nil): return nil
    }
  }
}

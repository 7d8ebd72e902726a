import Jobs

/// A job's yes-or-no facts as one column.
public struct JobFlags: OptionSet, Sendable {
  public let rawValue: Int16
  public init(rawValue: Int16) { self.rawValue = rawValue }

  public static let chosenID = JobFlags(rawValue: 1)
  public static let wasStarted = JobFlags(rawValue: 2)
  public static let isUnbound = JobFlags(rawValue: 4)
  public static let cancelRequested = JobFlags(rawValue: 8)

  public init(_ standing: JobStanding, isChosen: Bool) {
    self = isChosen ? .chosenID : []
    if standing.wasStarted { insert(.wasStarted) }
    if standing.isUnbound { insert(.isUnbound) }
    if standing.cancelRequested { insert(.cancelRequested) }
  }
}

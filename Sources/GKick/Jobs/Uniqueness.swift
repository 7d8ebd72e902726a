public import Jobs

/// At most one unfinished job per queue and key.
public struct Uniqueness: Sendable, Hashable {
  /// What a second enqueue gets.
  ///
  /// - `keep`: the existing job, marked as a duplicate.
  /// - `reject`: an error, ``GKickError/Code/alreadyExists``.
  /// - `replace`: the waiting job takes the new parameters and time; a running one is kept.
  public typealias OnConflict = Jobs.Uniqueness.OnConflict

  /// Up to 512 bytes.
  public var key: String
  /// The key is held so long after the enqueue, even past the job's end; `nil`: until the job is final.
  public var holdFor: Duration?
  public var onConflict: OnConflict

  public init(key: String, holdFor: Duration? = nil, onConflict: OnConflict = .keep) {
    self.key = key
    self.holdFor = holdFor
    self.onConflict = onConflict
  }

  public static func key(_ key: String) -> Uniqueness { Uniqueness(key: key) }
}

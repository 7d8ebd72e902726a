/// At most one unfinished job per (queue, key).
public struct Uniqueness: Hashable, Sendable {
  /// What an enqueue gets when the key is held.
  public enum OnConflict: UInt8, Sendable {
    /// The existing job's id, as a duplicate.
    case keep = 1
    /// ALREADY_EXISTS.
    case reject = 2
    /// The waiting job takes the new payload and time; a running one is kept.
    case replace = 3
  }

  /// 1 to 512 bytes.
  public var key: String
  /// Keeps the key at least this long after the enqueue, even past the job's end; nil: until the job is final.
  public var holdFor: Interval?
  public var onConflict: OnConflict

  public init(key: String, holdFor: Interval? = nil, onConflict: OnConflict = .keep) {
    self.key = key
    self.holdFor = holdFor
    self.onConflict = onConflict
  }
}

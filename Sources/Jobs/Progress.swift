/// How far a running job has come.
public struct Progress: Hashable, Sendable {
  /// 0...100.
  public var percent: UInt32
  public var message: String
  public var at: Timestamp

  public init(percent: UInt32, message: String, at: Timestamp = .distantPast) {
    self.percent = percent
    self.message = message
    self.at = at
  }
}

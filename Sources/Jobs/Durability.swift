/// How safe a commit is when it returns. Raw values are those of `gkick.v1.Durability`.
public enum Durability: UInt8, Sendable {
  /// Survives power loss.
  case synced = 1
  /// Survives the server's crash; synced within a second or so.
  case relaxed = 2
}

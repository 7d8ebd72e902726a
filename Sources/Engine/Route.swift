/// Where an answer goes: a number on one of the server's loops. The engine hands it back, it never looks inside.
public struct Route: Hashable, Sendable {
  public var loop: UInt32
  /// Unique per loop for the life of the process.
  public var id: UInt64

  public init(loop: UInt32, id: UInt64) {
    self.loop = loop
    self.id = id
  }
}

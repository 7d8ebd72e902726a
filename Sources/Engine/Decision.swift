public import Backlog
public import Jobs

/// What a tick comes to.
public struct Decision: Sendable {
  /// May leave at once.
  public var effects: [Effect]
  /// nil: nothing.
  public var work: StorageWork?
  /// Nobody waits for the work but workers on streams, who go on without it: it may wait a moment for what comes next.
  public var isPatient = false
  /// To be read on another thread, each answered by `Engine.arrived`.
  public var reads: [RowReading] = []
}

/// What the storage is to do, in order.
public enum StorageWork: Sendable {
  /// Store the change set, if there is one; with `sync`, see to it that all that was written so far survives a power loss. Then
  /// `Engine.stored(through:)`, or `Engine.failed`.
  case write(ticket: UInt64, ChangeSet?, sync: Bool)
  /// Load `Engine.backlog` from the storage; then `Engine.loaded`. The engine does not touch it meanwhile.
  case load

  public var isWrite: Bool { if case .write = self { true } else { false } }
}

/// Is told of jobs' steps beside the callers, for traces. It must return at once, and never fails.
public protocol JobObserver: Sendable {
  /// Jobs on their way to workers; called on the engine's thread, before their start is stored.
  func assigned(_ jobs: [ClaimedJob])

  /// What was stored; called on the storage's thread.
  func stored(_ changes: [ChangeSet])
}

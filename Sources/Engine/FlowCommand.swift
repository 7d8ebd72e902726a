public import Jobs

/// What can be asked of limits, batches and recurring jobs.
public enum FlowCommand: Sendable {
  case putLimit(Limit)
  case deleteLimit(Limit.Scope)
  /// Those after one, at most `limit`.
  case limits(after: Limit.Scope?, limit: Int)
  case putBatch(BatchTerms)
  case batch(String)
  /// Made before one, by its number in the list.
  case batches(unfinishedOnly: Bool, before: Int64?, limit: Int)
  /// Nothing comes from outside any more; what the storage does not know yet is canceled. The rest is swept by whoever asks.
  case closeBatch(String, reason: String)
  case putRecurring(RecurringJob)
  case deleteRecurring(String)
  /// What one document says there is.
  case replaceRecurring(RecurringDocument)
  case triggerRecurring(String)
  case recurring(after: String?, limit: Int, bytes: Int)
  /// The same for what is of these queues; nothing else is there.
  indirect case within(QueueScope, FlowCommand)

  public func within(_ scope: QueueScope?) -> FlowCommand { scope.map { .within($0, self) } ?? self }

  /// It changes something that must be stored before it is answered.
  var changes: Bool {
    switch self {
    case .limits, .batch, .batches, .recurring: false
    case .within(_, let command): command.changes
    case .putLimit, .deleteLimit, .putBatch, .closeBatch, .putRecurring, .deleteRecurring, .replaceRecurring,
      .triggerRecurring:
      true
    }
  }
}

public enum FlowReply: Sendable {
  case done
  case notFound
  /// putBatch, putRecurring: the id is that of one in queues that the caller may not know of.
  case foreign
  /// closeBatch: some of its jobs are not of the caller's queues.
  case notWholly
  /// putBatch: the batch is finished, its callbacks are not changed any more.
  case finished
  case limits([LimitView], next: Limit.Scope?)
  case batch(BatchView)
  case batches([BatchView], next: Int64?)
  case recurring(RecurringView)
  case recurringPage(RecurringPage)
  /// triggerRecurring: the job's id.
  case triggered(String)
}

import Jobs

/// What the engine wants done outside. Loops carry it out; none of it can fail back into the engine but as a command.
public enum Effect: Sendable {
  case reply(Route, Reply)
  /// One message to a worker's stream, numbered by the engine.
  case toWorker(Route, WorkerUpdate)
  /// Ends a worker's stream. No more is sent on this Route.
  case endSession(Route, SessionEnd)

  public var route: Route {
    switch self {
    case .reply(let route, _), .toWorker(let route, _), .endSession(let route, _): route
    }
  }
}

/// The answer to a command. Which case answers which command is said at each.
public enum Reply: Sendable {
  /// enqueue: those of the tick's results that are the caller's, with the durability that was given.
  case enqueued(ArraySlice<EnqueueResult>, Durability)
  /// control. `job` must be read anew to be shown.
  case controlled(ControlResult)
  /// sweep: how many jobs were changed.
  case swept(UInt64)
  /// fence.
  case fenced
  /// pause, drain, drainWorker, deleteQueue, takeIn.
  case done
  /// drainWorker, deleteQueue.
  case notFound
  /// fetch, drainWorker: the worker takes from queues that are not the caller's.
  case notOwn
  /// deleteQueue: it has jobs, finished ones counted in.
  case hasJobs
  /// flow.
  case flow(FlowReply)
  /// explain.
  case explained(Explanation)
  /// annotate: one per job, in order.
  case annotated([Annotation])
  /// waitForEnd.
  case ended
  /// pullEvents.
  case events(EventBatch)
  /// fetch: what there was when the wait ended, with the lease's length; empty when the server drains.
  case fetched([ClaimedJob], lease: Interval)
  /// report: outcomes first, then extend, in the order of the report.
  case reported([LeaseResult], [CancelNotice])
  case queues([QueueView])
  case workers([WorkerView])
  case statistics(EngineStatistics)
  /// The store failed: nothing of the command was done (or, after a failed commit, nothing is known to be).
  case failed(StoreError)
}

public enum EventBatch: Sendable {
  /// `cursor` is where to pull on; no event: a heartbeat.
  case events([Event], cursor: Int64)
  /// The place is older than what is kept in memory: read on from the store after this cursor, then pull again. What lies there beyond
  /// `through` is not confirmed yet and must not be told.
  case readFromStore(after: Int64, through: Int64)
}

public enum SessionEnd: Sendable {
  /// The worker drained, or the server did and the worker has nothing left: OK.
  case drained
  /// A newer stream of the same worker id took over: ABORTED.
  case takenOver
  /// The worker sent nothing for so long that it is taken for dead: DEADLINE_EXCEEDED.
  case silent
  /// A worker of this id takes from queues that are not the newcomer's: PERMISSION_DENIED.
  case notOwn
  /// The stream broke the protocol: INVALID_ARGUMENT or FAILED_PRECONDITION, with the text.
  case protocolError(String)
  /// The store failed while the worker was being connected.
  case failed(StoreError)
}

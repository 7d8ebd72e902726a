import Jobs

/// Everything that can be asked of the engine. Values only; already validated. What is large and not asked all the time is kept apart, so
/// that the others are small.
public enum Command: Sendable {
  // Producers
  case enqueue(EnqueueGroup, Durability?, Route)
  /// What lay in the storage's inbox; answered with `done` when it is stored.
  case takeIn([InboxItem], Route)
  case control(Control, Route)
  case sweep(Sweep, Route)
  case pause(queue: String, Bool, Route)
  /// Why the job, as it was just read, is not running.
  /// Only jobs of the caller's queues are named (nil: all).
  indirect case explain(JobRecord, within: QueueScope? = nil, Route)
  /// Answers when all that was asked before is decided and stored.
  case fence(Route)
  /// Forgets a queue that has no jobs.
  case deleteQueue(String, Route)
  /// The waiting reason, in words, of each job as just read; and what only the engine knows of running ones.
  case annotate([JobRecord], Route)
  /// Answers when the job is final. Ask before reading the job's state, so that no end is missed.
  case waitForEnd(jobID: String, Route)

  /// Limits, batches, recurring jobs.
  indirect case flow(FlowCommand, Route)

  // Watchers: one pull, one answer
  case pullEvents(EventPull, Route)

  // Workers on a stream; the Route is the session
  indirect case connect(WorkerHello, address: String, Route)
  case work(WorkerMessage, Route)
  case disconnect(Route)

  // Workers without a stream
  indirect case fetch(Fetch, Route)
  indirect case report(Report, Route)

  // Operators
  case queues(Route)
  indirect case queuePage(QueueQuery, Route)
  case workers(Route)
  indirect case workerPage(WorkerQuery, Route)
  /// Only one that takes from the caller's queues alone (nil: all).
  case drainWorker(id: String, within: QueueScope? = nil, Route)
  /// The command, and what is said of it when it has changed something. Its reply is the command's.
  indirect case audited(Command, Audit, Route)
  case statistics(Route)

  /// The caller of a waitForEnd, pullEvents or fetch has gone: no answer is wanted.
  case forget(Route)
  /// The server goes away: tell every worker, give out nothing more.
  case drain(Route)
}

extension Command {
  /// Who waits for what the state says to this in the very tick; nil: it needs no state, or is answered in its own time.
  var asksTheState: Route? {
    switch self {
    case .enqueue(_, _, let route), .takeIn(_, let route), .control(_, let route), .pause(_, _, let route),
      .deleteQueue(_, let route), .flow(_, let route), .explain(_, _, let route), .annotate(_, let route),
      .queues(let route), .queuePage(_, let route):
      route
    case .audited(let command, _, _): command.asksTheState
    case .sweep, .fence, .waitForEnd, .pullEvents, .connect, .work, .disconnect, .fetch, .report, .workers, .workerPage,
      .drainWorker, .statistics, .forget, .drain:
      nil
    }
  }
}

/// Who changes what.
public struct Audit: Sendable {
  public var principal: String
  /// The RPC's name.
  public var call: String
  public var jobID = ""
  public var queue = ""
  public var workerID = ""
  public var batchID = ""
  /// What it is about in words, for logs: all of the above and what has no place there.
  public var subject = ""

  public init(principal: String, call: String) {
    self.principal = principal
    self.call = call
  }
}

/// One batch of events, please, as soon as there is one.
public struct EventPull: Sendable {
  public var filter: EventFilter
  /// nil: from now on; answered at once with the cursor that "now" is.
  public var after: Int64?
  /// At most so many events in the answer.
  public var limit: Int

  public init(filter: EventFilter, after: Int64?, limit: Int = 512) {
    self.filter = filter
    self.after = after
    self.limit = limit
  }
}

/// Which events a watcher wants; each empty set means all. An object, since one watcher pulls with it many times.
public final class EventFilter: Sendable {
  public let queues: Set<String>
  public let names: Set<String>
  public let jobIDs: Set<String>
  public let kinds: Set<Event.Kind>
  public let batchID: String
  /// Only events of these queues: what belongs to no queue is left out too. nil: all.
  public let scope: QueueScope?

  public init(
    queues: Set<String> = [], names: Set<String> = [], jobIDs: Set<String> = [], kinds: Set<Event.Kind> = [],
    batchID: String = "", scope: QueueScope? = nil
  ) {
    self.scope = scope
    self.queues = queues
    self.names = names
    self.jobIDs = jobIDs
    self.kinds = kinds
    self.batchID = batchID
  }

  public func matches(_ event: Event) -> Bool {
    (queues.isEmpty || queues.contains(event.queue)) && (names.isEmpty || names.contains(event.name))
      && (jobIDs.isEmpty || jobIDs.contains(event.jobID)) && (kinds.isEmpty || kinds.contains(event.kind))
      && (batchID.isEmpty || batchID == event.batchID) && scope.covers(event.queue)
  }
}

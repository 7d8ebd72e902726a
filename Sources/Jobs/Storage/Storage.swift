/// Where jobs are remembered: writes change sets, reads rows back, decides nothing. Everything that may happen to a job is decided by
/// the one state in memory; a storage only has to keep what it is told and give it back.
///
/// Three users, each on a thread of its own, never at once on the same object:
/// - the storage's thread calls what is here: it may block on disks and networks;
/// - the rows' thread reads what the engine needs through `rows`;
/// - any thread looks things up for people through `reader`.
///
/// What `write` has returned for is seen by every read that begins afterwards.
public protocol Storage: AnyObject, Sendable {
  /// "embedded", "redis", "postgresql", "mysql", "memory".
  var kind: String { get }

  /// Where servers agree who leads; nil: this server is the only one, it leads.
  var leadership: (any Leadership)? { get }

  /// Jobs that others put in by themselves (SQL); nil: there is no such way.
  var inbox: (any Inbox)? { get }

  /// Begins an epoch of an embedded storage, which leads itself; others begin theirs by `Leadership.seek`. Durable when its state is
  /// loaded or something is written in it: before, no token of it is given out.
  func beginEpoch() throws(StoreError) -> Epoch

  /// Gives `loader` all that the state is made of, as of the last change set written. Called at the start, after a change of leader and
  /// after a write that failed or whose outcome is in doubt. Before the first, nothing is asked of `rows` and `reader`.
  func load(_ epoch: Epoch, into loader: any StateLoader) throws(StoreError)

  /// Stores change sets, the oldest first, all or, after a throw, none for certain (`load` then says what is stored). Their numbers
  /// follow each other. When it returns, all of them are as durable as the one that asks for most.
  /// - Throws: `.deposed` when another epoch has begun or the number before is not the one stored last (the fence): nothing was written.
  func write(_ changes: [ChangeSet], epoch: Epoch) throws(StoreError)

  /// Makes what was written so far survive power loss.
  func sync() throws(StoreError)

  /// Housekeeping that belongs to the storage alone, in slices of some milliseconds: old events, checkpoints, indexes.
  /// - Returns: when it wants to be called again.
  func tidy(now: Timestamp) throws(StoreError) -> Timestamp

  var rows: any RowSource { get }
  var reader: any JobReader { get }

  /// Writes while no thread waits for it; nil: there is no such way.
  var unattended: (any UnattendedWriter)? { get }

  /// What was found missing or damaged when it was opened, in words for the log; how much was lost is in them where it can be known.
  var openFindings: [String] { get }

  /// Ends the use of the storage, everything synced. Nothing may be called afterwards.
  func close() throws(StoreError)
}

extension Storage {
  public var leadership: (any Leadership)? { nil }
  public var inbox: (any Inbox)? { nil }
  public var unattended: (any UnattendedWriter)? { nil }
  public var openFindings: [String] { [] }
}

/// A time of leading: rises with every leader and every start. The upper half of the tokens that it gives out.
public struct Epoch: Hashable, Comparable, Sendable {
  public var number: UInt32

  public init(_ number: UInt32) { self.number = number }

  public static func < (a: Epoch, b: Epoch) -> Bool { a.number < b.number }
}

/// Rows for the engine, in one batch per tick. What change sets on their way will change is laid over by the state, so a row may be read
/// as it was before them.
public protocol RowSource: AnyObject, Sendable {
  /// Rows that were read before are as they were while this epoch led. A storage with one server at a time has nothing to look at.
  /// - Throws: `.deposed` when another epoch has begun.
  func check(_ epoch: Epoch) throws(StoreError)

  /// One per seq, in that order, with what is carried; nil: no such job. With `bodies` also what only the worker reads.
  func jobs(_ seqs: [Int64], bodies: Bool) throws(StoreError) -> [StoredJob?]

  /// By ids that producers chose, in that order, with what is carried.
  func jobs(ids: [String]) throws(StoreError) -> [StoredJob?]

  /// Final jobs whose retention was over by `time`, at most `limit`, the earliest first, without what is carried; and when the next
  /// one's is over.
  func expired(by time: Timestamp, limit: Int) throws(StoreError) -> (jobs: [StoredJob], next: Timestamp?)

  /// Jobs that match, in descending order of seq, without what is carried: for changes in bulk. Looks at no more than a few thousand rows: a page may be empty and
  /// yet have a next one. `limit` as the query says.
  func jobs(matching query: JobQuery) throws(StoreError) -> (jobs: [StoredJob], next: Int64?)
}

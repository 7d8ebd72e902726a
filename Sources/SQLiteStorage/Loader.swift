import Jobs

/// Gives the state all that the database holds of it, and fills the catalogue on the way.
struct Loader: ~Copyable {
  private let connection: Connection
  /// Takes the place of the one in use when all is read.
  private let catalogue = Catalogue()
  private var changes: [Catalogue.Change] = []
  // Of the head that was read last: most are like the one before.
  private var queue = ""
  private var name = ""
  private var queueKey: UInt32 = 0
  private var nameKey: UInt32 = 0

  init(_ connection: Connection) { self.connection = connection }

  static func salt(_ connection: Connection) throws(StoreError) -> UInt32 {
    guard let salt = try connection.integer("SELECT value FROM meta WHERE key = 'salt'") else {
      throw Damage.of("its salt", connection.path)
    }
    return UInt32(truncatingIfNeeded: salt)
  }

  /// Returns what is to be in the catalogue.
  mutating func load(
    _ mark: Mark, salt: UInt32, into loader: any StateLoader
  ) throws(StoreError) -> Catalogue {
    loader.begin(salt: salt, nextSeq: mark.nextSeq, lastCursor: mark.lastCursor, lastNumber: mark.number)
    try loadQueues(loader)
    try loadDocuments(loader)
    try loadJobs(loader)
    try loadIDs(loader)
    try loadHolds(loader)
    return catalogue
  }

  private func loadQueues(_ loader: any StateLoader) throws(StoreError) {
    let select = try Statement(connection, "SELECT name, rec FROM queues WHERE name <> ''")
    while try select.step() {
      let name = select.text(0)
      var isGood = true
      let queue = select.read(1) { reader in
        let queue = QueueCodec.read(&reader, name: name)
        isGood = reader.isGood
        return queue
      }
      guard isGood else { throw Damage.of("the queue \(name)", connection.path) }
      loader.add(queue)
    }
  }

  private func loadDocuments(_ loader: any StateLoader) throws(StoreError) {
    let select = try Statement(connection, "SELECT kind, key, bytes FROM documents")
    while try select.step() {
      guard let kind = Document.Kind(rawValue: UInt8(truncatingIfNeeded: select.integer(0))) else { continue }
      loader.add(Document(kind: kind, key: select.text(1), bytes: select.bytes(2)))
    }
  }

  /// Goes through `states`, which is narrow, and looks into `jobs` for those that have no row there and those that wait or run: of final
  /// jobs neither heads nor what is carried is read.
  private mutating func loadJobs(_ loader: any StateLoader) throws(StoreError) {
    let states = try Statement(connection, "SELECT seq, rec FROM states ORDER BY seq")
    let heads = try Statement(connection, "SELECT seq, head FROM jobs WHERE seq > ?1 AND seq < ?2 ORDER BY seq")
    var last: Int64 = 0
    while try states.step() {
      let seq = states.integer(0)
      if seq > last + 1 { try loadHeads(heads, after: last, before: seq, nil, loader) }
      last = seq
      var isGood = true
      let found = states.read(1) { reader in
        let found = StateCodec.read(&reader)
        isGood = reader.isGood
        return found
      }
      guard isGood else { throw Damage.job(seq, connection.path) }
      if found.standing.state.isFinal, let keys = found.keys {
        note(seq, JobFlags(found.standing.state, hasRow: true, hasCarried: found.hasCarried), keys)
      } else if try loadHeads(heads, after: seq - 1, before: seq + 1, found, loader) == 0 {
        throw Damage.job(seq, connection.path)
      }
    }
    try loadHeads(heads, after: last, before: .max, nil, loader)
    catalogue.apply(changes)
    changes = []
  }

  /// Of jobs that stand as `found` says, nil: as they were enqueued. Returns how many there are.
  @discardableResult
  private mutating func loadHeads(
    _ statement: Statement, after: Int64, before: Int64, _ found: StateCodec.Found?, _ loader: any StateLoader
  ) throws(StoreError) -> Int {
    statement.bind(1, after)
    statement.bind(2, before)
    defer { statement.reset() }
    var count = 0
    while try statement.step() {
      let seq = statement.integer(0)
      var isGood = true
      let (queue, name) = (self.queue, self.name)
      let head = statement.read(1) { reader in
        let head = HeadCodec.read(&reader, seq: seq, queue: queue, name: name)
        isGood = reader.isGood
        return head
      }
      guard isGood else { throw Damage.job(seq, connection.path) }
      count += 1
      if head.queue != queue || queueKey == 0 {
        self.queue = head.queue
        queueKey = JobKeys.hash(head.queue)
      }
      if head.name != name || nameKey == 0 {
        self.name = head.name
        nameKey = JobKeys.hash(head.name)
      }
      let untouched = head.untouched
      let standing = found?.standing ?? untouched
      note(
        seq, JobFlags(standing.state, hasRow: found != nil, hasCarried: found?.hasCarried ?? false),
        JobKeys(createdAt: head.createdAt, queue: queueKey, name: nameKey, head.options))
      if standing.state.isFinal { continue }
      // The state makes the plain standing of a job from its times; heads of format 1 may say otherwise.
      let plain = JobStanding(state: head.runAt > head.createdAt ? .scheduled : .ready, runAt: head.runAt)
      let isPlain = found == nil ? untouched.state == plain.state : standing == plain
      loader.add(
        LoadedJob(
          seq: seq, chosenID: head.chosenID, queue: head.queue, name: head.name, priority: head.priority,
          createdAt: head.createdAt, payloadSize: head.payloadSize, options: head.options,
          standing: isPlain ? nil : standing, runAt: head.runAt))
    }
    return count
  }

  private mutating func note(_ seq: Int64, _ flags: JobFlags, _ keys: JobKeys) {
    changes.append(Catalogue.Change(seq: seq, keys: keys, flags: flags))
    if changes.count == 4_096 {
      catalogue.apply(changes)
      changes.removeAll(keepingCapacity: true)
    }
  }

  private func loadIDs(_ loader: any StateLoader) throws(StoreError) {
    let select = try Statement(connection, "SELECT id, seq FROM ids")
    while try select.step() { loader.addChosen(id: select.text(0), seq: select.integer(1)) }
  }

  private func loadHolds(_ loader: any StateLoader) throws(StoreError) {
    let select = try Statement(connection, "SELECT queue, key, seq, until FROM holds")
    while try select.step() {
      loader.addHold(
        queue: select.text(0), key: select.text(1), seq: select.integer(2),
        until: Timestamp(microseconds: select.integer(3)))
    }
  }
}

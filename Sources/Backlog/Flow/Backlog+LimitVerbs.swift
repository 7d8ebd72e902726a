public import Jobs

extension Backlog {
  // MARK: Verbs

  /// Puts a limit in the place of the one with the same scope. What runs goes on.
  public func putLimit(_ limit: Limit, now: Moment) {
    let entry: LimitEntry
    if let known = limits.entries[limit.scope] {
      entry = known
      entry.limit = limit
      for gate in entry.gates.values { change(gate, limit.rate) }
    } else {
      entry = LimitEntry(limit)
      install(entry, now.wall)
    }
    usesKeys = true
    changedDocuments.append(
      Document(kind: .limit, key: limit.scope.documentKey, bytes: Self.pack(limit)))
    review(entry, now.wall)
  }

  /// - Returns: whether there was one.
  public func deleteLimit(_ scope: Limit.Scope, now: Moment) -> Bool {
    guard let entry = limits.entries.removeValue(forKey: scope) else { return false }
    changedDocuments.append(Document(kind: .limit, key: scope.documentKey, bytes: nil))
    limits.prefixes.removeAll { $0.entry === entry }
    for gate in entry.gates.values { drop(gate) }
    switch scope {
    case .queue(let name):
      if let queue = queues[name] {
        queue.gate = nil
        touch(queue, now.wall)
        release(queue, now.wall)
      }
    case .key, .keyPrefix:
      for name in entry.gates.keys {
        guard let key = limits.keys[name] else { continue }
        key.gates.removeAll { $0.entry === entry }
        release(key, now.wall)
        dropIfUnused(key)
      }
    }
    return true
  }

  /// Queues first, then keys, then prefixes, by name; after `after`, at most `limit`.
  /// - Parameter own: only limits of these queues; nil: all, those of keys too.
  public func limits(
    after: Limit.Scope?, limit: Int, own: QueueScope? = nil, now: Moment
  ) -> (limits: [LimitView], next: Limit.Scope?) {
    let scopes = limits.entries.keys.filter { scope in
      (after.map { $0 < scope } ?? true) && scope.isOf(own)
    }.sorted()
    let page = scopes.prefix(limit)
    let views = page.compactMap { scope in
      limits.entries[scope].map { LimitView(limit: $0.limit, usage: usage(of: $0, now.wall)) }
    }
    return (views, scopes.count > page.count ? page.last : nil)
  }

  private func usage(of entry: LimitEntry, _ now: Timestamp) -> LimitUsage {
    var usage = LimitUsage()
    func add(_ gate: Gate?, running: Int, waiting: Int, ready: Int) {
      usage.running += UInt64(running)
      usage.waiting += UInt64(waiting)
      guard let gate else { return }
      usage.heldBack += UInt64(max(0, ready - gate.free(running: running, now: now)))
      usage.startedInPeriod += gate.window?.started(at: now) ?? 0
    }
    switch entry.limit.scope {
    case .queue(let name):
      if let queue = queues[name] {
        add(queue.gate, running: queue.running, waiting: queue.waiting, ready: queue.ready)
      }
    case .key(let name):
      if let key = limits.keys[name] {
        add(entry.gates[name], running: key.running, waiting: key.waiting, ready: key.ready)
      }
    case .keyPrefix:
      var busiest: (running: Int, waiting: Int) = (0, 0)
      for (name, gate) in entry.gates {
        guard let key = limits.keys[name] else { continue }
        add(gate, running: key.running, waiting: key.waiting, ready: key.ready)
        if key.isUnused { continue }
        usage.keys += 1
        let now = (key.running, key.waiting)
        if busiest < now || (busiest == now && name < usage.busiestKey) {
          busiest = now
          usage.busiestKey = name
        }
      }
    }
    return usage
  }

  // MARK: Changes

  private func install(_ entry: LimitEntry, _ now: Timestamp) {
    let limit = entry.limit
    limits.entries[limit.scope] = entry
    switch limit.scope {
    case .queue(let name):
      let queue = queue(name, now)
      let gate = Gate(entry, subject: name)
      entry.gates[name] = gate
      queue.gate = gate
    case .key(let name):
      if let key = limits.keys[name] { add(entry, to: key) }
    case .keyPrefix(let prefix):
      limits.prefixes.append((prefix, entry))
      for key in limits.keys.values where key.name.hasPrefix(prefix) { add(entry, to: key) }
    }
  }

  private func add(_ entry: LimitEntry, to key: ConcurrencyKey) {
    let gate = Gate(entry, subject: key.name)
    entry.gates[key.name] = gate
    key.gates.append(gate)
  }

  private func change(_ gate: Gate, _ rate: Limit.Rate?) {
    guard let rate else {
      drop(gate)
      gate.window = nil
      return
    }
    if gate.window == nil { gate.window = RateWindow(rate) } else { gate.window?.change(to: rate) }
    if gate.window?.needsStoring == true, !gate.isTouched {
      gate.isTouched = true
      limits.touched.append(gate)
    }
  }

  /// What a gate has stored goes.
  private func drop(_ gate: Gate) {
    gate.isTouched = false
    limits.touched.removeAll { $0 === gate }
    guard gate.isStored else { return }
    gate.isStored = false
    changedDocuments.append(Document(kind: .limitUse, key: gate.documentKey, bytes: nil))
  }

  /// Holds back or lets go, as the limit is now.
  private func review(_ entry: LimitEntry, _ now: Timestamp) {
    switch entry.limit.scope {
    case .queue(let name):
      guard let queue = queues[name], let gate = queue.gate else { return }
      queue.isAwaited = false
      touch(queue, now)
      if gate.free(running: queue.running, now: now) == 0 { hold(queue, now) } else { release(queue, now) }
    case .key, .keyPrefix:
      for name in entry.gates.keys {
        if let key = limits.keys[name] { review(key, now) }
      }
    }
  }

  private func review(_ key: ConcurrencyKey, _ now: Timestamp) {
    key.isAwaited = false
    if isOpen(key, now) {
      release(key, now)
    } else if key.isHeld {
      // The time it waits for may be another.
      release(key, now)
    } else {
      hold(key, now)
    }
  }

  // MARK: Full ones

  /// How long a producer that was refused is to wait.
  private static let pushback: Interval = .seconds(1)

  /// A limit that lets no more wait.
  /// - Parameter added: how many more wait than are counted.
  func overfull(_ job: NewJob, added: [Limit.Scope: Int] = [:]) -> EnqueueRefusal? {
    if limits.entries.isEmpty { return nil }
    func waiting(_ counted: Int?, _ scope: Limit.Scope) -> UInt64 {
      UInt64(max(0, (counted ?? 0) + (added[scope] ?? 0)))
    }
    let name = job.options.concurrencyKey
    let queue = Limit.Scope.queue(job.queue)
    if let entry = limits.entries[queue], entry.limit.maxWaiting > 0 {
      let waiting = waiting(queues[job.queue]?.waiting, queue)
      if waiting >= entry.limit.maxWaiting { return .tooManyWaiting(queue, retryAfter: Self.pushback) }
    }
    guard !name.isEmpty else { return nil }
    let scope = Limit.Scope.key(name)
    let waiting = waiting(limits.keys[name]?.waiting, scope)
    var covering = limits.prefixes.filter { name.hasPrefix($0.prefix) }.map(\.entry)
    if let entry = limits.entries[scope] { covering.append(entry) }
    for entry in covering where entry.limit.maxWaiting > 0 && waiting >= entry.limit.maxWaiting {
      return .tooManyWaiting(entry.limit.scope, retryAfter: Self.pushback)
    }
    return nil
  }

  // MARK: Storing and loading

  private static func pack(_ limit: Limit) -> [UInt8] {
    var packer = Packer()
    packer.add(1)
    packer.add(UInt64(limit.maxRunning))
    packer.add(UInt64(limit.rate?.count ?? 0))
    packer.add(UInt64(limit.rate?.period.microseconds ?? 0))
    packer.add(limit.maxWaiting)
    return packer.bytes
  }

  func loadLimit(_ documentKey: String, _ bytes: [UInt8]) throws(StoreError) {
    var unpacker = Unpacker(bytes)
    guard let scope = Limit.Scope(documentKey: documentKey), unpacker.number() == 1, let running = unpacker.number(),
      let count = unpacker.number(), let period = unpacker.number(), let waiting = unpacker.number(), unpacker.isAtEnd,
      period <= UInt64(Limit.longestPeriod.microseconds)
    else {
      throw StoreError(.unusable, "the store is damaged: the limit \(documentKey) cannot be read")
    }
    let limit = Limit(
      scope, maxRunning: UInt32(clamping: running),
      rate: count == 0
        ? nil : Limit.Rate(count: UInt32(clamping: count), period: Interval(microseconds: Int64(period))),
      maxWaiting: waiting)
    usesKeys = true
    install(LimitEntry(limit), .distantPast)
  }

  func loadWindows(_ windows: [String: [UInt8]]) throws(StoreError) {
    for (documentKey, bytes) in windows {
      guard let window = RateWindow(bytes) else {
        throw StoreError(.unusable, "the store is damaged: the use of limit \(documentKey) cannot be read")
      }
      guard let gate = gate(documentKey), gate.window != nil else {
        changedDocuments.append(Document(kind: .limitUse, key: documentKey, bytes: nil))
        continue
      }
      gate.isStored = true
      let rate = gate.window?.rate
      gate.window = window
      if let rate { gate.window?.change(to: rate) }
      limits.windows.append(gate)
    }
  }

  private func gate(_ documentKey: String) -> Gate? {
    if documentKey.hasPrefix("p") {
      guard let colon = documentKey.firstIndex(of: ":"), let length = Int(documentKey.dropFirst().prefix(upTo: colon))
      else { return nil }
      let name = String(documentKey[documentKey.index(after: colon)...])
      let prefix = String(decoding: name.utf8.prefix(length), as: UTF8.self)
      guard let entry = limits.entries[.keyPrefix(prefix)] else { return nil }
      _ = key(name)
      return entry.gates[name]
    }
    guard let scope = Limit.Scope(documentKey: documentKey), let entry = limits.entries[scope] else { return nil }
    if case .key(let name) = scope { _ = key(name) }
    return entry.gates[scope.text]
  }

  /// After a load: what is full is held back.
  func holdLoaded(_ now: Timestamp) {
    for entry in limits.entries.values { review(entry, now) }
  }

  func storeWindows() {
    for gate in limits.touched {
      gate.isTouched = false
      guard let bytes = gate.window?.encode() else { continue }
      if !gate.isStored {
        gate.isStored = true
        limits.windows.append(gate)
      }
      changedDocuments.append(Document(kind: .limitUse, key: gate.documentKey, bytes: bytes))
    }
    limits.touched.removeAll(keepingCapacity: true)
  }

  /// Windows whose period is over are forgotten, some at each call.
  func forgetUnusedWindows(_ now: Timestamp, limit: Int) {
    var looked = 0
    while looked < limit, !limits.windows.isEmpty {
      looked += 1
      if limits.windowsLooked >= limits.windows.count {
        limits.windowsLooked = 0
        return
      }
      let gate = limits.windows[limits.windowsLooked]
      guard gate.isStored, gate.window?.started(at: now) ?? 0 == 0, !gate.isTouched else {
        limits.windowsLooked += 1
        if !gate.isStored { removeWindow() }
        continue
      }
      drop(gate)
      gate.window = gate.window.map { RateWindow($0.rate) }
      removeWindow()
      if let key = limits.keys[gate.subject] { dropIfUnused(key) }
    }
  }

  private func removeWindow() {
    let index = min(limits.windowsLooked, limits.windows.count - 1)
    limits.windows.swapAt(index, limits.windows.count - 1)
    limits.windows.removeLast()
  }
}

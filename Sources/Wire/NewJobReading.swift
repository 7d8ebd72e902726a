import Jobs
import Protobuf

/// A JobSpec from the network as a job to be stored. Pointers are those of the message that `open` decoded.
extension Codec {
  /// - Parameter runAt: already checked; nil: now.
  func newJob(
    _ spec: Proto.JobSpec?, runAt: Timestamp?
  ) throws(WireError) -> NewJob {
    guard let spec else { throw WireError("job", "required") }
    let id = try identifier(spec.id, "job.id")
    let queue = try identifier(spec.queue, "job.queue")
    let name = try text(spec.name, "job.name", max: Bounds.name)
    guard !name.isEmpty else { throw WireError("job.name", "required") }
    let priority = spec.priority
    guard (-100...100).contains(priority) else { throw WireError("job.priority", "-100 to 100") }
    guard spec.payload.count <= bounds.payload else {
      throw WireError("job.payload", "at most \(bounds.payload) bytes")
    }
    let job = NewJob(
      id: id, queue: queue.isEmpty ? "default" : queue, name: name, priority: Int8(priority),
      runAt: runAt,
      options: try options(spec, id: id), payloadSize: spec.payload.count,
      body: try body(spec))
    // Else no stock client could ever be given it, and it would be lost again and again.
    guard job.messageSize <= MessageSize.most - Bounds.reserve else {
      throw WireError(
        "job",
        "\(job.messageSize) bytes in all; at most \(MessageSize.most - Bounds.reserve) fit into a message to a worker")
    }
    return job
  }

  private func options(_ spec: Proto.JobSpec, id: String) throws(WireError)
    -> JobOptions
  {
    let dependsOn = try dependencies(spec, of: id)
    let onFailure =
      try choice(
        spec.onDependencyFailure.rawValue, "job.on_dependency_failure", as: OnDependencyFailure.self)
      ?? .cancel
    let unique = try uniqueness(spec.unique)
    let timeout = try interval(spec.timeout, "job.timeout", allowingZero: false)
    let startBefore = try timestamp(spec.startBefore, "job.start_before")
    let retention = try interval(spec.retention, "job.retention")
    let concurrencyKey = try text(spec.concurrencyKey, "job.concurrency_key", max: Bounds.key)
    let fairnessKey = try text(spec.fairnessKey, "job.fairness_key", max: Bounds.key)
    let batchID = try identifier(spec.batchID, "job.batch_id")
    if spec.retry == nil, unique == nil, timeout == nil, startBefore == nil,
      retention == nil,
      concurrencyKey.isEmpty, fairnessKey.isEmpty, batchID.isEmpty, dependsOn.isEmpty, onFailure == .cancel
    {
      return .standard
    }
    return JobOptions(
      retry: try retryPolicy(spec.retry), timeout: timeout, startBefore: startBefore,
      retention: retention, unique: unique, concurrencyKey: concurrencyKey,
      fairnessKey: fairnessKey,
      batchID: batchID, dependsOn: dependsOn, onDependencyFailure: onFailure)
  }

  /// In the order given, each once.
  private func dependencies(
    _ spec: Proto.JobSpec, of id: String
  ) throws(WireError) -> [String] {
    let given = spec.dependsOn
    if given.isEmpty { return [] }
    guard bounds.takesDependencies else {
      throw WireError("job.depends_on", "not supported by this server yet", kind: .unimplemented)
    }
    var ids: [String] = []
    ids.reserveCapacity(min(given.count, Bounds.dependencies))
    // Few are compared one by one: a set of them costs more than all else that is read of a job.
    var seen: Set<String> = []
    for text in given {
      let one = try required(text, "job.depends_on")
      guard one != id else { throw WireError("job.depends_on", "a job cannot wait for itself") }
      if given.count <= 8 {
        if ids.contains(one) { continue }
      } else if !seen.insert(one).inserted {
        continue
      }
      guard ids.count < Bounds.dependencies else {
        throw WireError("job.depends_on", "at most \(Bounds.dependencies) jobs")
      }
      ids.append(one)
    }
    return ids
  }

  /// With every default filled in.
  /// - Parameter least: of the multiplier. What a server shows may be older than today's rule.
  func retryPolicy(
    _ policy: Proto.RetryPolicy?, least: Double = 1
  ) throws(WireError) -> RetryPolicy {
    var result = RetryPolicy.standard
    guard let policy else { return result }
    if policy.maxAttempts > 0 {
      result.maxAttempts = policy.maxAttempts
    }
    if policy.maxLost > 0 { result.maxLost = policy.maxLost }
    if let wait = try interval(policy.initialBackoff, "job.retry.initial_backoff") {
      result.initialBackoff = wait
    }
    if let wait = try interval(policy.maxBackoff, "job.retry.max_backoff") {
      result.maxBackoff = wait
    }
    let multiplier = policy.multiplier
    guard multiplier == 0 || multiplier >= least, multiplier <= 1_000_000 else {  // false for NaN
      throw WireError("job.retry.multiplier", "1 to 1,000,000; 0 for the default")
    }
    if multiplier > 0 { result.multiplier = multiplier }
    let jitter = policy.jitter
    guard jitter.isFinite, jitter <= 1 else {
      throw WireError(
        "job.retry.jitter", "more than 0, at most 1; 0 for the default, negative for none")
    }
    if jitter != 0 { result.jitter = max(0, jitter) }
    return result
  }

  func uniqueness(_ unique: Proto.Uniqueness?) throws(WireError)
    -> Uniqueness?
  {
    guard let unique else { return nil }
    let key = try text(unique.key, "job.unique.key", max: Bounds.uniqueKey)
    guard !key.isEmpty else { throw WireError("job.unique.key", "required") }
    return Uniqueness(
      key: key, holdFor: try interval(unique.holdFor, "job.unique.hold_for"),
      onConflict: try choice(
        unique.onConflict.rawValue, "job.unique.on_conflict",
        as: Uniqueness.OnConflict.self) ?? .keep)
  }

  /// What only producer and worker read, as the fields of an `Assignment` that hold it: an assignment is then its other
  /// fields and these bytes, never decoded on the way. Written by hand, since it is three fields of each job that comes in.
  private func body(_ spec: Proto.JobSpec) throws(WireError) -> [UInt8] {
    let type = unsafe try checked(spec.contentType, "job.content_type")
    guard type.count <= Bounds.contentType else {
      throw WireError("job.content_type", "at most \(Bounds.contentType) bytes")
    }
    let entries = spec.metadata
    guard entries.count <= Bounds.metadataEntries else {
      throw WireError("job.metadata", "at most \(Bounds.metadataEntries) entries")
    }
    var texts = 0
    for entry in entries {
      texts += unsafe try checked(entry.key, "job.metadata").count
      texts += unsafe try checked(entry.value, "job.metadata").count
    }
    guard texts <= Bounds.metadataBytes else {
      throw WireError("job.metadata", "at most \(Bounds.metadataBytes) bytes in all")
    }
    let payload = spec.payload
    // A tag is one byte and a length at most five; an entry has three of each.
    let most = payload.count + type.count + texts + 12 + 18 * entries.count
    if most == 12 { return [] }
    var writer = WireWriter(room: most)
    if payload.count > 0 { unsafe writer.field(5, payload.bytes) }
    if !type.isEmpty { unsafe writer.field(6, type) }
    for entry in entries {
      let key = unsafe utf8(entry.key)
      let value = unsafe utf8(entry.value)
      writer.beginField(7, length: WireWriter.size(ofField: key.count) + WireWriter.size(ofField: value.count))
      unsafe writer.field(1, key)
      unsafe writer.field(2, value)
    }
    return writer.bytes
  }
}

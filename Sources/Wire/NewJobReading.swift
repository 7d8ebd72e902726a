import CProtobufC
import GKickProtos
import Jobs
import Protobuf

/// A JobSpec from the network as a job to be stored. Pointers are those of the message that `open` decoded.
extension Codec {
  /// - Parameter runAt: already checked; nil: now.
  func newJob(
    _ spec: UnsafeMutablePointer<Gkick__V1__JobSpec>?, runAt: Timestamp?
  ) throws(WireError) -> NewJob {
    guard let spec = unsafe spec else { throw WireError("job", "required") }
    let id = unsafe try identifier(spec.pointee.id, "job.id")
    let queue = unsafe try identifier(spec.pointee.queue, "job.queue")
    let name = unsafe try text(spec.pointee.name, "job.name", max: Bounds.name)
    guard !name.isEmpty else { throw WireError("job.name", "required") }
    let priority = unsafe spec.pointee.priority
    guard (-100...100).contains(priority) else { throw WireError("job.priority", "-100 to 100") }
    guard unsafe spec.pointee.payload.len <= bounds.payload else {
      throw WireError("job.payload", "at most \(bounds.payload) bytes")
    }
    let job = NewJob(
      id: id, queue: queue.isEmpty ? "default" : queue, name: name, priority: Int8(priority),
      runAt: runAt,
      options: unsafe try options(spec, id: id), payloadSize: unsafe spec.pointee.payload.len,
      body: unsafe try body(spec))
    // Else no stock client could ever be given it, and it would be lost again and again.
    guard job.messageSize <= MessageSize.most - Bounds.reserve else {
      throw WireError(
        "job",
        "\(job.messageSize) bytes in all; at most \(MessageSize.most - Bounds.reserve) fit into a message to a worker")
    }
    return job
  }

  private func options(_ spec: UnsafeMutablePointer<Gkick__V1__JobSpec>, id: String) throws(WireError)
    -> JobOptions
  {
    let dependsOn = unsafe try dependencies(spec, of: id)
    let onFailure =
      unsafe try choice(
        spec.pointee.on_dependency_failure.rawValue, "job.on_dependency_failure", as: OnDependencyFailure.self)
      ?? .cancel
    let unique = unsafe try uniqueness(spec.pointee.unique)
    let timeout = unsafe try interval(spec.pointee.timeout, "job.timeout", allowingZero: false)
    let startBefore = unsafe try timestamp(spec.pointee.start_before, "job.start_before")
    let retention = unsafe try interval(spec.pointee.retention, "job.retention")
    let concurrencyKey = unsafe try text(
      spec.pointee.concurrency_key, "job.concurrency_key", max: Bounds.key)
    let fairnessKey = unsafe try text(
      spec.pointee.fairness_key, "job.fairness_key", max: Bounds.key)
    let batchID = unsafe try identifier(spec.pointee.batch_id, "job.batch_id")
    if unsafe spec.pointee.retry == nil, unique == nil, timeout == nil, startBefore == nil,
      retention == nil,
      concurrencyKey.isEmpty, fairnessKey.isEmpty, batchID.isEmpty, dependsOn.isEmpty, onFailure == .cancel
    {
      return .standard
    }
    return JobOptions(
      retry: unsafe try retryPolicy(spec.pointee.retry), timeout: timeout, startBefore: startBefore,
      retention: retention, unique: unique, concurrencyKey: concurrencyKey,
      fairnessKey: fairnessKey,
      batchID: batchID, dependsOn: dependsOn, onDependencyFailure: onFailure)
  }

  /// In the order given, each once.
  private func dependencies(
    _ spec: UnsafeMutablePointer<Gkick__V1__JobSpec>, of id: String
  ) throws(WireError) -> [String] {
    let count = unsafe spec.pointee.n_depends_on
    if count == 0 { return [] }
    guard bounds.takesDependencies else {
      throw WireError("job.depends_on", "not supported by this server yet", kind: .unimplemented)
    }
    var ids: [String] = []
    ids.reserveCapacity(min(count, Bounds.dependencies))
    // Few are compared one by one: a set of them costs more than all else that is read of a job.
    var seen: Set<String> = []
    for index in 0..<count {
      // There are n_depends_on of them.
      let one = unsafe try required(spec.pointee.depends_on[index], "job.depends_on")
      guard one != id else { throw WireError("job.depends_on", "a job cannot wait for itself") }
      if count <= 8 {
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
    _ policy: UnsafeMutablePointer<Gkick__V1__RetryPolicy>?, least: Double = 1
  ) throws(WireError) -> RetryPolicy {
    var result = RetryPolicy.standard
    guard let policy = unsafe policy else { return result }
    if unsafe policy.pointee.max_attempts > 0 {
      result.maxAttempts = unsafe policy.pointee.max_attempts
    }
    if unsafe policy.pointee.max_lost > 0 { result.maxLost = unsafe policy.pointee.max_lost }
    if let wait = unsafe try interval(policy.pointee.initial_backoff, "job.retry.initial_backoff") {
      result.initialBackoff = wait
    }
    if let wait = unsafe try interval(policy.pointee.max_backoff, "job.retry.max_backoff") {
      result.maxBackoff = wait
    }
    let multiplier = unsafe policy.pointee.multiplier
    guard multiplier == 0 || multiplier >= least, multiplier <= 1_000_000 else {  // false for NaN
      throw WireError("job.retry.multiplier", "1 to 1,000,000; 0 for the default")
    }
    if multiplier > 0 { result.multiplier = multiplier }
    let jitter = unsafe policy.pointee.jitter
    guard jitter.isFinite, jitter <= 1 else {
      throw WireError(
        "job.retry.jitter", "more than 0, at most 1; 0 for the default, negative for none")
    }
    if jitter != 0 { result.jitter = max(0, jitter) }
    return result
  }

  func uniqueness(_ unique: UnsafeMutablePointer<Gkick__V1__Uniqueness>?) throws(WireError)
    -> Uniqueness?
  {
    guard let unique = unsafe unique else { return nil }
    let key = unsafe try text(unique.pointee.key, "job.unique.key", max: Bounds.uniqueKey)
    guard !key.isEmpty else { throw WireError("job.unique.key", "required") }
    return Uniqueness(
      key: key, holdFor: unsafe try interval(unique.pointee.hold_for, "job.unique.hold_for"),
      onConflict: unsafe try choice(
        unique.pointee.on_conflict.rawValue, "job.unique.on_conflict",
        as: Uniqueness.OnConflict.self) ?? .keep)
  }

  /// What only producer and worker read, as the fields of an `Assignment` that hold it: an assignment is then its other
  /// fields and these bytes, never decoded on the way. Written by hand, since it is three fields of each job that comes in.
  private func body(_ spec: UnsafeMutablePointer<Gkick__V1__JobSpec>) throws(WireError) -> [UInt8] {
    let type = unsafe try checked(spec.pointee.content_type, "job.content_type")
    guard type.count <= Bounds.contentType else {
      throw WireError("job.content_type", "at most \(Bounds.contentType) bytes")
    }
    let entries = unsafe spec.pointee.n_metadata
    guard entries <= Bounds.metadataEntries else {
      throw WireError("job.metadata", "at most \(Bounds.metadataEntries) entries")
    }
    var texts = 0
    for index in 0..<entries {
      // There are n_metadata of them, and none is nil.
      let entry = unsafe spec.pointee.metadata[index]!
      texts += unsafe try checked(entry.pointee.key, "job.metadata").count
      texts += unsafe try checked(entry.pointee.value, "job.metadata").count
    }
    guard texts <= Bounds.metadataBytes else {
      throw WireError("job.metadata", "at most \(Bounds.metadataBytes) bytes in all")
    }
    // protobuf-c's length is that of its allocation; no address: empty.
    let payload = unsafe UnsafeBufferPointer(
      start: spec.pointee.payload.data,
      count: spec.pointee.payload.data == nil ? 0 : spec.pointee.payload.len)
    // A tag is one byte and a length at most five; an entry has three of each.
    let most = payload.count + type.count + texts + 12 + 18 * entries
    if most == 12 { return [] }
    var writer = WireWriter(room: most)
    if !payload.isEmpty { unsafe writer.field(5, payload) }
    if !type.isEmpty { unsafe writer.field(6, type) }
    for index in 0..<entries {
      let entry = unsafe spec.pointee.metadata[index]!
      let key = unsafe utf8(entry.pointee.key)
      let value = unsafe utf8(entry.pointee.value)
      writer.beginField(7, length: WireWriter.size(ofField: key.count) + WireWriter.size(ofField: value.count))
      unsafe writer.field(1, key)
      unsafe writer.field(2, value)
    }
    return writer.bytes
  }
}

import CProtobufC
import GKickProtos
import Jobs

/// JobSpec messages: as a producer asks, and as a server shows what it stored.
extension Codec {
  func spec(_ spec: JobSpec) -> UnsafeMutablePointer<Gkick__V1__JobSpec> {
    let message = unsafe arena.make(gkick__v1__job_spec__init)
    unsafe message.pointee.id = arena.copy(spec.id)
    unsafe message.pointee.queue = arena.copy(spec.queue)
    unsafe message.pointee.name = arena.copy(spec.name)
    unsafe message.pointee.payload = arena.copy(spec.payload)
    unsafe message.pointee.content_type = arena.copy(spec.contentType)
    unsafe message.pointee.priority = spec.priority
    let pairs = Array(spec.metadata)
    unsafe message.pointee.n_metadata = pairs.count
    unsafe message.pointee.metadata = arena.array(pairs.count) { index in
      let entry = unsafe arena.make(gkick__v1__job_spec__metadata_entry__init)
      unsafe entry.pointee.key = arena.copy(pairs[index].key)
      unsafe entry.pointee.value = arena.copy(pairs[index].value)
      return unsafe entry
    }
    unsafe message.pointee.retry = spec.retry.map { unsafe retry($0) }
    unsafe message.pointee.timeout = duration(spec.timeout)
    unsafe message.pointee.start_before = timestamp(spec.startBefore)
    unsafe message.pointee.retention = duration(spec.retention)
    unsafe message.pointee.unique = spec.unique.map { unsafe unique($0) }
    unsafe message.pointee.concurrency_key = arena.copy(spec.concurrencyKey)
    unsafe message.pointee.fairness_key = arena.copy(spec.fairnessKey)
    unsafe message.pointee.n_depends_on = spec.dependsOn.count
    unsafe message.pointee.depends_on = texts(spec.dependsOn)
    unsafe message.pointee.batch_id = arena.copy(spec.batchID)
    unsafe message.pointee.on_dependency_failure = Gkick__V1__OnDependencyFailure(
      rawValue: UInt32(spec.onDependencyFailure?.rawValue ?? 0))
    return unsafe message
  }

  /// A stored job's spec with the defaults shown.
  func spec(_ job: NewJob) -> UnsafeMutablePointer<Gkick__V1__JobSpec> {
    let message = unsafe arena.make(gkick__v1__job_spec__init)
    unsafe message.pointee.id = arena.copy(job.id)
    unsafe message.pointee.queue = arena.copy(job.queue)
    unsafe message.pointee.name = arena.copy(job.name)
    unsafe message.pointee.priority = Int32(job.priority)
    unsafe message.pointee.retry = retry(job.options.retry)
    unsafe message.pointee.timeout = duration(job.options.timeout)
    unsafe message.pointee.start_before = timestamp(job.options.startBefore)
    unsafe message.pointee.retention = duration(job.options.retention)
    unsafe message.pointee.unique = job.options.unique.map { unsafe unique($0) }
    unsafe message.pointee.concurrency_key = arena.copy(job.options.concurrencyKey)
    unsafe message.pointee.fairness_key = arena.copy(job.options.fairnessKey)
    unsafe message.pointee.batch_id = arena.copy(job.options.batchID)
    if !job.options.dependsOn.isEmpty {
      unsafe message.pointee.n_depends_on = job.options.dependsOn.count
      unsafe message.pointee.depends_on = texts(job.options.dependsOn)
      unsafe message.pointee.on_dependency_failure = Gkick__V1__OnDependencyFailure(
        rawValue: UInt32(job.options.onDependencyFailure.rawValue))
    }
    if let body = unsafe assignment(body: job.body) {
      unsafe message.pointee.payload = body.pointee.payload
      unsafe message.pointee.content_type = body.pointee.content_type
      unsafe message.pointee.n_metadata = body.pointee.n_metadata
      unsafe message.pointee.metadata = arena.array(body.pointee.n_metadata) { index in
        let entry = unsafe arena.make(gkick__v1__job_spec__metadata_entry__init)
        unsafe entry.pointee.key = body.pointee.metadata[index]!.pointee.key
        unsafe entry.pointee.value = body.pointee.metadata[index]!.pointee.value
        return unsafe entry
      }
    }
    return unsafe message
  }

  /// A stored body, see `NewJobReading`. nil: it is empty (or was never ours).
  private func assignment(body: [UInt8]) -> UnsafeMutablePointer<Gkick__V1__Assignment>? {
    if body.isEmpty { return nil }
    // The bytes are read during the call only.
    return unsafe body.withUnsafeBufferPointer {
      unsafe gkick__v1__assignment__unpack(arena.allocator, $0.count, $0.baseAddress)
    }
  }

  private func retry(_ policy: RetryPolicy) -> UnsafeMutablePointer<Gkick__V1__RetryPolicy> {
    let message = unsafe arena.make(gkick__v1__retry_policy__init)
    unsafe message.pointee.max_attempts = policy.maxAttempts
    unsafe message.pointee.initial_backoff = duration(policy.initialBackoff)
    unsafe message.pointee.max_backoff = duration(policy.maxBackoff)
    unsafe message.pointee.multiplier = policy.multiplier
    unsafe message.pointee.jitter = policy.jitter > 0 ? policy.jitter : -1
    unsafe message.pointee.max_lost = policy.maxLost
    return unsafe message
  }

  private func unique(_ unique: Uniqueness) -> UnsafeMutablePointer<Gkick__V1__Uniqueness> {
    let message = unsafe arena.make(gkick__v1__uniqueness__init)
    unsafe message.pointee.key = arena.copy(unique.key)
    unsafe message.pointee.hold_for = duration(unique.holdFor)
    unsafe message.pointee.on_conflict = Gkick__V1__OnConflict(
      rawValue: UInt32(unique.onConflict.rawValue))
    return unsafe message
  }
}

import GKickProtos
import Jobs

/// JobSpec messages: as a producer asks, and as a server shows what it stored.
extension Codec {
  func spec(_ spec: JobSpec) -> Proto.JobSpec {
    let message = Proto.JobSpec(in: arena)
    message.id = arena.copy(spec.id)
    message.queue = arena.copy(spec.queue)
    message.name = arena.copy(spec.name)
    message.payload = arena.copy(spec.payload)
    message.contentType = arena.copy(spec.contentType)
    message.priority = spec.priority
    let pairs = Array(spec.metadata)
    message.metadata = arena.array(pairs.count) { index in
      let entry = Proto.JobSpecMetadataEntry(in: arena)
      entry.key = arena.copy(pairs[index].key)
      entry.value = arena.copy(pairs[index].value)
      return entry
    }
    message.retry = spec.retry.map { retry($0) }
    message.timeout = duration(spec.timeout)
    message.startBefore = timestamp(spec.startBefore)
    message.retention = duration(spec.retention)
    message.unique = spec.unique.map { unique($0) }
    message.concurrencyKey = arena.copy(spec.concurrencyKey)
    message.fairnessKey = arena.copy(spec.fairnessKey)
    message.dependsOn = texts(spec.dependsOn)
    message.batchID = arena.copy(spec.batchID)
    message.onDependencyFailure = Gkick__V1__OnDependencyFailure(
      rawValue: UInt32(spec.onDependencyFailure?.rawValue ?? 0))
    return message
  }

  /// A stored job's spec with the defaults shown.
  func spec(_ job: NewJob) -> Proto.JobSpec {
    let message = Proto.JobSpec(in: arena)
    message.id = arena.copy(job.id)
    message.queue = arena.copy(job.queue)
    message.name = arena.copy(job.name)
    message.priority = Int32(job.priority)
    message.retry = retry(job.options.retry)
    message.timeout = duration(job.options.timeout)
    message.startBefore = timestamp(job.options.startBefore)
    message.retention = duration(job.options.retention)
    message.unique = job.options.unique.map { unique($0) }
    message.concurrencyKey = arena.copy(job.options.concurrencyKey)
    message.fairnessKey = arena.copy(job.options.fairnessKey)
    message.batchID = arena.copy(job.options.batchID)
    if !job.options.dependsOn.isEmpty {
      message.dependsOn = texts(job.options.dependsOn)
      message.onDependencyFailure = Gkick__V1__OnDependencyFailure(
        rawValue: UInt32(job.options.onDependencyFailure.rawValue))
    }
    if let body = assignment(body: job.body) {
      message.payload = body.payload
      message.contentType = body.contentType
      let metadata = body.metadata
      message.metadata = arena.array(metadata.count) { index in
        let entry = Proto.JobSpecMetadataEntry(in: arena)
        entry.key = metadata[index].key
        entry.value = metadata[index].value
        return entry
      }
    }
    return message
  }

  /// A stored body, see `NewJobReading`. nil: it is empty (or was never ours).
  private func assignment(body: [UInt8]) -> Proto.Assignment? {
    if body.isEmpty { return nil }
    // The bytes are read during the call only.
    return unsafe body.withUnsafeBufferPointer {
      unsafe Proto.Assignment(decoding: $0, in: arena)
    }
  }

  private func retry(_ policy: RetryPolicy) -> Proto.RetryPolicy {
    let message = Proto.RetryPolicy(in: arena)
    message.maxAttempts = policy.maxAttempts
    message.initialBackoff = duration(policy.initialBackoff)
    message.maxBackoff = duration(policy.maxBackoff)
    message.multiplier = policy.multiplier
    message.jitter = policy.jitter > 0 ? policy.jitter : -1
    message.maxLost = policy.maxLost
    return message
  }

  private func unique(_ unique: Uniqueness) -> Proto.Uniqueness {
    let message = Proto.Uniqueness(in: arena)
    message.key = arena.copy(unique.key)
    message.holdFor = duration(unique.holdFor)
    message.onConflict = Gkick__V1__OnConflict(rawValue: UInt32(unique.onConflict.rawValue))
    return message
  }
}

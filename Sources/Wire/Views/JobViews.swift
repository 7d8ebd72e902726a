// Made by Scripts/generate: do not edit.
// swift-format-ignore-file
import CProtobufC
import GKickProtos

// A message of the arena is whole: the generated function that made or decoded it filled all of the struct.

extension Proto {
  @safe struct RetryPolicy: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__RetryPolicy>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__RetryPolicy>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__RetryPolicy>.size).assumingMemoryBound(to: Gkick__V1__RetryPolicy.self)
      unsafe gkick__v1__retry_policy__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__RetryPolicy.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__retry_policy__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }

    var maxAttempts: UInt32 {
      get { unsafe pointer.pointee.max_attempts }
      nonmutating set { unsafe pointer.pointee.max_attempts = newValue }
    }

    var initialBackoff: Proto.Duration? {
      get { unsafe pointer.pointee.initial_backoff.map { unsafe Proto.Duration($0) } }
      nonmutating set { unsafe pointer.pointee.initial_backoff = newValue?.pointer }
    }

    var maxBackoff: Proto.Duration? {
      get { unsafe pointer.pointee.max_backoff.map { unsafe Proto.Duration($0) } }
      nonmutating set { unsafe pointer.pointee.max_backoff = newValue?.pointer }
    }

    var multiplier: Double {
      get { unsafe pointer.pointee.multiplier }
      nonmutating set { unsafe pointer.pointee.multiplier = newValue }
    }

    var jitter: Double {
      get { unsafe pointer.pointee.jitter }
      nonmutating set { unsafe pointer.pointee.jitter = newValue }
    }

    var maxLost: UInt32 {
      get { unsafe pointer.pointee.max_lost }
      nonmutating set { unsafe pointer.pointee.max_lost = newValue }
    }
  }
}

extension Proto {
  @safe struct Uniqueness: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__Uniqueness>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__Uniqueness>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__Uniqueness>.size).assumingMemoryBound(to: Gkick__V1__Uniqueness.self)
      unsafe gkick__v1__uniqueness__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__Uniqueness.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__uniqueness__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }

    var key: TextView {
      get { unsafe TextView(pointer.pointee.key) }
      nonmutating set { unsafe pointer.pointee.key = newValue.pointer }
    }

    var holdFor: Proto.Duration? {
      get { unsafe pointer.pointee.hold_for.map { unsafe Proto.Duration($0) } }
      nonmutating set { unsafe pointer.pointee.hold_for = newValue?.pointer }
    }

    var onConflict: Gkick__V1__OnConflict {
      get { unsafe pointer.pointee.on_conflict }
      nonmutating set { unsafe pointer.pointee.on_conflict = newValue }
    }
  }
}

extension Proto {
  @safe struct JobSpecMetadataEntry: ProtoView {
    let pointer: UnsafeMutablePointer<Gkick__V1__JobSpec__MetadataEntry>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__JobSpec__MetadataEntry>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__JobSpec__MetadataEntry>.size).assumingMemoryBound(to: Gkick__V1__JobSpec__MetadataEntry.self)
      unsafe gkick__v1__job_spec__metadata_entry__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__JobSpec__MetadataEntry.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    var key: TextView {
      get { unsafe TextView(pointer.pointee.key) }
      nonmutating set { unsafe pointer.pointee.key = newValue.pointer }
    }

    var value: TextView {
      get { unsafe TextView(pointer.pointee.value) }
      nonmutating set { unsafe pointer.pointee.value = newValue.pointer }
    }
  }
}

extension Proto {
  @safe struct JobSpec: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__JobSpec>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__JobSpec>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__JobSpec>.size).assumingMemoryBound(to: Gkick__V1__JobSpec.self)
      unsafe gkick__v1__job_spec__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__JobSpec.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__job_spec__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }

    var id: TextView {
      get { unsafe TextView(pointer.pointee.id) }
      nonmutating set { unsafe pointer.pointee.id = newValue.pointer }
    }

    var queue: TextView {
      get { unsafe TextView(pointer.pointee.queue) }
      nonmutating set { unsafe pointer.pointee.queue = newValue.pointer }
    }

    var name: TextView {
      get { unsafe TextView(pointer.pointee.name) }
      nonmutating set { unsafe pointer.pointee.name = newValue.pointer }
    }

    var payload: BytesView {
      get { unsafe BytesView(pointer.pointee.payload) }
      nonmutating set { unsafe pointer.pointee.payload = newValue.data }
    }

    var contentType: TextView {
      get { unsafe TextView(pointer.pointee.content_type) }
      nonmutating set { unsafe pointer.pointee.content_type = newValue.pointer }
    }

    var priority: Int32 {
      get { unsafe pointer.pointee.priority }
      nonmutating set { unsafe pointer.pointee.priority = newValue }
    }

    var metadata: MessageList<Proto.JobSpecMetadataEntry> {
      get { unsafe MessageList<Proto.JobSpecMetadataEntry>(pointer.pointee.metadata, pointer.pointee.n_metadata) }
      nonmutating set {
        unsafe pointer.pointee.metadata = newValue.start?.assumingMemoryBound(to: UnsafeMutablePointer<Gkick__V1__JobSpec__MetadataEntry>?.self)
        unsafe pointer.pointee.n_metadata = newValue.count
      }
    }

    var retry: Proto.RetryPolicy? {
      get { unsafe pointer.pointee.retry.map { unsafe Proto.RetryPolicy($0) } }
      nonmutating set { unsafe pointer.pointee.retry = newValue?.pointer }
    }

    var timeout: Proto.Duration? {
      get { unsafe pointer.pointee.timeout.map { unsafe Proto.Duration($0) } }
      nonmutating set { unsafe pointer.pointee.timeout = newValue?.pointer }
    }

    var startBefore: Proto.Timestamp? {
      get { unsafe pointer.pointee.start_before.map { unsafe Proto.Timestamp($0) } }
      nonmutating set { unsafe pointer.pointee.start_before = newValue?.pointer }
    }

    var retention: Proto.Duration? {
      get { unsafe pointer.pointee.retention.map { unsafe Proto.Duration($0) } }
      nonmutating set { unsafe pointer.pointee.retention = newValue?.pointer }
    }

    var unique: Proto.Uniqueness? {
      get { unsafe pointer.pointee.unique.map { unsafe Proto.Uniqueness($0) } }
      nonmutating set { unsafe pointer.pointee.unique = newValue?.pointer }
    }

    var concurrencyKey: TextView {
      get { unsafe TextView(pointer.pointee.concurrency_key) }
      nonmutating set { unsafe pointer.pointee.concurrency_key = newValue.pointer }
    }

    var fairnessKey: TextView {
      get { unsafe TextView(pointer.pointee.fairness_key) }
      nonmutating set { unsafe pointer.pointee.fairness_key = newValue.pointer }
    }

    var dependsOn: TextList {
      get { unsafe TextList(pointer.pointee.depends_on, pointer.pointee.n_depends_on) }
      nonmutating set {
        unsafe pointer.pointee.depends_on = newValue.start
        unsafe pointer.pointee.n_depends_on = newValue.count
      }
    }

    var batchID: TextView {
      get { unsafe TextView(pointer.pointee.batch_id) }
      nonmutating set { unsafe pointer.pointee.batch_id = newValue.pointer }
    }

    var onDependencyFailure: Gkick__V1__OnDependencyFailure {
      get { unsafe pointer.pointee.on_dependency_failure }
      nonmutating set { unsafe pointer.pointee.on_dependency_failure = newValue }
    }
  }
}

extension Proto {
  @safe struct Failure: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__Failure>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__Failure>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__Failure>.size).assumingMemoryBound(to: Gkick__V1__Failure.self)
      unsafe gkick__v1__failure__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__Failure.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__failure__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }

    var type: TextView {
      get { unsafe TextView(pointer.pointee.type) }
      nonmutating set { unsafe pointer.pointee.type = newValue.pointer }
    }

    var message: TextView {
      get { unsafe TextView(pointer.pointee.message) }
      nonmutating set { unsafe pointer.pointee.message = newValue.pointer }
    }

    var backtrace: TextView {
      get { unsafe TextView(pointer.pointee.backtrace) }
      nonmutating set { unsafe pointer.pointee.backtrace = newValue.pointer }
    }

    var retryable: Bool {
      get { unsafe pointer.pointee.retryable != 0 }
      nonmutating set { unsafe pointer.pointee.retryable = newValue ? 1 : 0 }
    }

    var at: Proto.Timestamp? {
      get { unsafe pointer.pointee.at.map { unsafe Proto.Timestamp($0) } }
      nonmutating set { unsafe pointer.pointee.at = newValue?.pointer }
    }

    var attempt: UInt32 {
      get { unsafe pointer.pointee.attempt }
      nonmutating set { unsafe pointer.pointee.attempt = newValue }
    }

    var workerID: TextView {
      get { unsafe TextView(pointer.pointee.worker_id) }
      nonmutating set { unsafe pointer.pointee.worker_id = newValue.pointer }
    }
  }
}

extension Proto {
  @safe struct Progress: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__Progress>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__Progress>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__Progress>.size).assumingMemoryBound(to: Gkick__V1__Progress.self)
      unsafe gkick__v1__progress__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__Progress.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__progress__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }

    var percent: UInt32 {
      get { unsafe pointer.pointee.percent }
      nonmutating set { unsafe pointer.pointee.percent = newValue }
    }

    var message: TextView {
      get { unsafe TextView(pointer.pointee.message) }
      nonmutating set { unsafe pointer.pointee.message = newValue.pointer }
    }

    var at: Proto.Timestamp? {
      get { unsafe pointer.pointee.at.map { unsafe Proto.Timestamp($0) } }
      nonmutating set { unsafe pointer.pointee.at = newValue?.pointer }
    }
  }
}

extension Proto {
  @safe struct Job: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__Job>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__Job>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__Job>.size).assumingMemoryBound(to: Gkick__V1__Job.self)
      unsafe gkick__v1__job__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__Job.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__job__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }

    var spec: Proto.JobSpec? {
      get { unsafe pointer.pointee.spec.map { unsafe Proto.JobSpec($0) } }
      nonmutating set { unsafe pointer.pointee.spec = newValue?.pointer }
    }

    var state: Gkick__V1__JobState {
      get { unsafe pointer.pointee.state }
      nonmutating set { unsafe pointer.pointee.state = newValue }
    }

    var attempt: UInt32 {
      get { unsafe pointer.pointee.attempt }
      nonmutating set { unsafe pointer.pointee.attempt = newValue }
    }

    var createdAt: Proto.Timestamp? {
      get { unsafe pointer.pointee.created_at.map { unsafe Proto.Timestamp($0) } }
      nonmutating set { unsafe pointer.pointee.created_at = newValue?.pointer }
    }

    var runAt: Proto.Timestamp? {
      get { unsafe pointer.pointee.run_at.map { unsafe Proto.Timestamp($0) } }
      nonmutating set { unsafe pointer.pointee.run_at = newValue?.pointer }
    }

    var startedAt: Proto.Timestamp? {
      get { unsafe pointer.pointee.started_at.map { unsafe Proto.Timestamp($0) } }
      nonmutating set { unsafe pointer.pointee.started_at = newValue?.pointer }
    }

    var finishedAt: Proto.Timestamp? {
      get { unsafe pointer.pointee.finished_at.map { unsafe Proto.Timestamp($0) } }
      nonmutating set { unsafe pointer.pointee.finished_at = newValue?.pointer }
    }

    var leaseExpiresAt: Proto.Timestamp? {
      get { unsafe pointer.pointee.lease_expires_at.map { unsafe Proto.Timestamp($0) } }
      nonmutating set { unsafe pointer.pointee.lease_expires_at = newValue?.pointer }
    }

    var workerID: TextView {
      get { unsafe TextView(pointer.pointee.worker_id) }
      nonmutating set { unsafe pointer.pointee.worker_id = newValue.pointer }
    }

    var result: BytesView {
      get { unsafe BytesView(pointer.pointee.result) }
      nonmutating set { unsafe pointer.pointee.result = newValue.data }
    }

    var failures: MessageList<Proto.Failure> {
      get { unsafe MessageList<Proto.Failure>(pointer.pointee.failures, pointer.pointee.n_failures) }
      nonmutating set {
        unsafe pointer.pointee.failures = newValue.start?.assumingMemoryBound(to: UnsafeMutablePointer<Gkick__V1__Failure>?.self)
        unsafe pointer.pointee.n_failures = newValue.count
      }
    }

    var progress: Proto.Progress? {
      get { unsafe pointer.pointee.progress.map { unsafe Proto.Progress($0) } }
      nonmutating set { unsafe pointer.pointee.progress = newValue?.pointer }
    }

    var waitingReason: TextView {
      get { unsafe TextView(pointer.pointee.waiting_reason) }
      nonmutating set { unsafe pointer.pointee.waiting_reason = newValue.pointer }
    }

    var lost: UInt32 {
      get { unsafe pointer.pointee.lost }
      nonmutating set { unsafe pointer.pointee.lost = newValue }
    }

    var dependenciesOpen: UInt32 {
      get { unsafe pointer.pointee.dependencies_open }
      nonmutating set { unsafe pointer.pointee.dependencies_open = newValue }
    }

    var recurringJobID: TextView {
      get { unsafe TextView(pointer.pointee.recurring_job_id) }
      nonmutating set { unsafe pointer.pointee.recurring_job_id = newValue.pointer }
    }
  }
}

extension Proto {
  @safe struct Event: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__Event>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__Event>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__Event>.size).assumingMemoryBound(to: Gkick__V1__Event.self)
      unsafe gkick__v1__event__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__Event.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__event__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }

    var cursor: TextView {
      get { unsafe TextView(pointer.pointee.cursor) }
      nonmutating set { unsafe pointer.pointee.cursor = newValue.pointer }
    }

    var type: Gkick__V1__EventType {
      get { unsafe pointer.pointee.type }
      nonmutating set { unsafe pointer.pointee.type = newValue }
    }

    var at: Proto.Timestamp? {
      get { unsafe pointer.pointee.at.map { unsafe Proto.Timestamp($0) } }
      nonmutating set { unsafe pointer.pointee.at = newValue?.pointer }
    }

    var jobID: TextView {
      get { unsafe TextView(pointer.pointee.job_id) }
      nonmutating set { unsafe pointer.pointee.job_id = newValue.pointer }
    }

    var queue: TextView {
      get { unsafe TextView(pointer.pointee.queue) }
      nonmutating set { unsafe pointer.pointee.queue = newValue.pointer }
    }

    var name: TextView {
      get { unsafe TextView(pointer.pointee.name) }
      nonmutating set { unsafe pointer.pointee.name = newValue.pointer }
    }

    var attempt: UInt32 {
      get { unsafe pointer.pointee.attempt }
      nonmutating set { unsafe pointer.pointee.attempt = newValue }
    }

    var workerID: TextView {
      get { unsafe TextView(pointer.pointee.worker_id) }
      nonmutating set { unsafe pointer.pointee.worker_id = newValue.pointer }
    }

    var failure: Proto.Failure? {
      get { unsafe pointer.pointee.failure.map { unsafe Proto.Failure($0) } }
      nonmutating set { unsafe pointer.pointee.failure = newValue?.pointer }
    }

    var progress: Proto.Progress? {
      get { unsafe pointer.pointee.progress.map { unsafe Proto.Progress($0) } }
      nonmutating set { unsafe pointer.pointee.progress = newValue?.pointer }
    }

    var nextRunAt: Proto.Timestamp? {
      get { unsafe pointer.pointee.next_run_at.map { unsafe Proto.Timestamp($0) } }
      nonmutating set { unsafe pointer.pointee.next_run_at = newValue?.pointer }
    }

    var batchID: TextView {
      get { unsafe TextView(pointer.pointee.batch_id) }
      nonmutating set { unsafe pointer.pointee.batch_id = newValue.pointer }
    }

    var principal: TextView {
      get { unsafe TextView(pointer.pointee.principal) }
      nonmutating set { unsafe pointer.pointee.principal = newValue.pointer }
    }

    var call: TextView {
      get { unsafe TextView(pointer.pointee.call) }
      nonmutating set { unsafe pointer.pointee.call = newValue.pointer }
    }
  }
}

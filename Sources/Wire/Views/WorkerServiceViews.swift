// Made by Scripts/generate: do not edit.
// swift-format-ignore-file
import CProtobufC
import GKickProtos

// A message of the arena is whole: the generated function that made or decoded it filled all of the struct.

extension Proto {
  @safe struct WorkerHelloLabelsEntry: ProtoView {
    let pointer: UnsafeMutablePointer<Gkick__V1__WorkerHello__LabelsEntry>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__WorkerHello__LabelsEntry>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__WorkerHello__LabelsEntry>.size).assumingMemoryBound(to: Gkick__V1__WorkerHello__LabelsEntry.self)
      unsafe gkick__v1__worker_hello__labels_entry__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__WorkerHello__LabelsEntry.self) }

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
  @safe struct WorkerHello: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__WorkerHello>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__WorkerHello>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__WorkerHello>.size).assumingMemoryBound(to: Gkick__V1__WorkerHello.self)
      unsafe gkick__v1__worker_hello__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__WorkerHello.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__worker_hello__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }

    var workerID: TextView {
      get { unsafe TextView(pointer.pointee.worker_id) }
      nonmutating set { unsafe pointer.pointee.worker_id = newValue.pointer }
    }

    var queues: MessageList<Proto.QueueSubscription> {
      get { unsafe MessageList<Proto.QueueSubscription>(pointer.pointee.queues, pointer.pointee.n_queues) }
      nonmutating set {
        unsafe pointer.pointee.queues = newValue.start?.assumingMemoryBound(to: UnsafeMutablePointer<Gkick__V1__QueueSubscription>?.self)
        unsafe pointer.pointee.n_queues = newValue.count
      }
    }

    var names: TextList {
      get { unsafe TextList(pointer.pointee.names, pointer.pointee.n_names) }
      nonmutating set {
        unsafe pointer.pointee.names = newValue.start
        unsafe pointer.pointee.n_names = newValue.count
      }
    }

    var maxInFlight: UInt32 {
      get { unsafe pointer.pointee.max_in_flight }
      nonmutating set { unsafe pointer.pointee.max_in_flight = newValue }
    }

    var maxInFlightBytes: UInt64 {
      get { unsafe pointer.pointee.max_in_flight_bytes }
      nonmutating set { unsafe pointer.pointee.max_in_flight_bytes = newValue }
    }

    var resumeWindow: Proto.Duration? {
      get { unsafe pointer.pointee.resume_window.map { unsafe Proto.Duration($0) } }
      nonmutating set { unsafe pointer.pointee.resume_window = newValue?.pointer }
    }

    var labels: MessageList<Proto.WorkerHelloLabelsEntry> {
      get { unsafe MessageList<Proto.WorkerHelloLabelsEntry>(pointer.pointee.labels, pointer.pointee.n_labels) }
      nonmutating set {
        unsafe pointer.pointee.labels = newValue.start?.assumingMemoryBound(to: UnsafeMutablePointer<Gkick__V1__WorkerHello__LabelsEntry>?.self)
        unsafe pointer.pointee.n_labels = newValue.count
      }
    }

    var held: MessageList<Proto.JobLease> {
      get { unsafe MessageList<Proto.JobLease>(pointer.pointee.held, pointer.pointee.n_held) }
      nonmutating set {
        unsafe pointer.pointee.held = newValue.start?.assumingMemoryBound(to: UnsafeMutablePointer<Gkick__V1__JobLease>?.self)
        unsafe pointer.pointee.n_held = newValue.count
      }
    }
  }
}

extension Proto {
  @safe struct QueueSubscription: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__QueueSubscription>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__QueueSubscription>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__QueueSubscription>.size).assumingMemoryBound(to: Gkick__V1__QueueSubscription.self)
      unsafe gkick__v1__queue_subscription__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__QueueSubscription.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__queue_subscription__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }

    var queue: TextView {
      get { unsafe TextView(pointer.pointee.queue) }
      nonmutating set { unsafe pointer.pointee.queue = newValue.pointer }
    }

    var weight: UInt32 {
      get { unsafe pointer.pointee.weight }
      nonmutating set { unsafe pointer.pointee.weight = newValue }
    }
  }
}

extension Proto {
  @safe struct JobLease: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__JobLease>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__JobLease>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__JobLease>.size).assumingMemoryBound(to: Gkick__V1__JobLease.self)
      unsafe gkick__v1__job_lease__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__JobLease.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__job_lease__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }

    var jobID: TextView {
      get { unsafe TextView(pointer.pointee.job_id) }
      nonmutating set { unsafe pointer.pointee.job_id = newValue.pointer }
    }

    var token: UInt64 {
      get { unsafe pointer.pointee.token }
      nonmutating set { unsafe pointer.pointee.token = newValue }
    }
  }
}

extension Proto {
  @safe struct WorkRequest: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__WorkRequest>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__WorkRequest>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__WorkRequest>.size).assumingMemoryBound(to: Gkick__V1__WorkRequest.self)
      unsafe gkick__v1__work_request__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__WorkRequest.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__work_request__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }

    var hello: Proto.WorkerHello? {
      get { unsafe pointer.pointee.hello.map { unsafe Proto.WorkerHello($0) } }
      nonmutating set { unsafe pointer.pointee.hello = newValue?.pointer }
    }

    var ackSeq: UInt64 {
      get { unsafe pointer.pointee.ack_seq }
      nonmutating set { unsafe pointer.pointee.ack_seq = newValue }
    }

    var capacity: Proto.SetCapacity? {
      get { unsafe pointer.pointee.capacity.map { unsafe Proto.SetCapacity($0) } }
      nonmutating set { unsafe pointer.pointee.capacity = newValue?.pointer }
    }

    var outcomes: MessageList<Proto.Outcome> {
      get { unsafe MessageList<Proto.Outcome>(pointer.pointee.outcomes, pointer.pointee.n_outcomes) }
      nonmutating set {
        unsafe pointer.pointee.outcomes = newValue.start?.assumingMemoryBound(to: UnsafeMutablePointer<Gkick__V1__Outcome>?.self)
        unsafe pointer.pointee.n_outcomes = newValue.count
      }
    }

    var progress: MessageList<Proto.ProgressReport> {
      get { unsafe MessageList<Proto.ProgressReport>(pointer.pointee.progress, pointer.pointee.n_progress) }
      nonmutating set {
        unsafe pointer.pointee.progress = newValue.start?.assumingMemoryBound(to: UnsafeMutablePointer<Gkick__V1__ProgressReport>?.self)
        unsafe pointer.pointee.n_progress = newValue.count
      }
    }

    var drain: Bool {
      get { unsafe pointer.pointee.drain != 0 }
      nonmutating set { unsafe pointer.pointee.drain = newValue ? 1 : 0 }
    }
  }
}

extension Proto {
  @safe struct SetCapacity: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__SetCapacity>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__SetCapacity>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__SetCapacity>.size).assumingMemoryBound(to: Gkick__V1__SetCapacity.self)
      unsafe gkick__v1__set_capacity__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__SetCapacity.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__set_capacity__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }

    var maxInFlight: UInt32 {
      get { unsafe pointer.pointee.max_in_flight }
      nonmutating set { unsafe pointer.pointee.max_in_flight = newValue }
    }
  }
}

extension Proto {
  @safe struct WorkResponse: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__WorkResponse>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__WorkResponse>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__WorkResponse>.size).assumingMemoryBound(to: Gkick__V1__WorkResponse.self)
      unsafe gkick__v1__work_response__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__WorkResponse.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__work_response__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }

    var seq: UInt64 {
      get { unsafe pointer.pointee.seq }
      nonmutating set { unsafe pointer.pointee.seq = newValue }
    }

    var welcome: Proto.Welcome? {
      get { unsafe pointer.pointee.welcome.map { unsafe Proto.Welcome($0) } }
      nonmutating set { unsafe pointer.pointee.welcome = newValue?.pointer }
    }

    var jobs: MessageList<Proto.Assignment> {
      get { unsafe MessageList<Proto.Assignment>(pointer.pointee.jobs, pointer.pointee.n_jobs) }
      nonmutating set {
        unsafe pointer.pointee.jobs = newValue.start?.assumingMemoryBound(to: UnsafeMutablePointer<Gkick__V1__Assignment>?.self)
        unsafe pointer.pointee.n_jobs = newValue.count
      }
    }

    var results: MessageList<Proto.OutcomeResult> {
      get { unsafe MessageList<Proto.OutcomeResult>(pointer.pointee.results, pointer.pointee.n_results) }
      nonmutating set {
        unsafe pointer.pointee.results = newValue.start?.assumingMemoryBound(to: UnsafeMutablePointer<Gkick__V1__OutcomeResult>?.self)
        unsafe pointer.pointee.n_results = newValue.count
      }
    }

    var cancellations: MessageList<Proto.Cancellation> {
      get { unsafe MessageList<Proto.Cancellation>(pointer.pointee.cancellations, pointer.pointee.n_cancellations) }
      nonmutating set {
        unsafe pointer.pointee.cancellations = newValue.start?.assumingMemoryBound(to: UnsafeMutablePointer<Gkick__V1__Cancellation>?.self)
        unsafe pointer.pointee.n_cancellations = newValue.count
      }
    }

    var drain: Bool {
      get { unsafe pointer.pointee.drain != 0 }
      nonmutating set { unsafe pointer.pointee.drain = newValue ? 1 : 0 }
    }
  }
}

extension Proto {
  @safe struct Welcome: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__Welcome>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__Welcome>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__Welcome>.size).assumingMemoryBound(to: Gkick__V1__Welcome.self)
      unsafe gkick__v1__welcome__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__Welcome.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__welcome__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }

    var workerID: TextView {
      get { unsafe TextView(pointer.pointee.worker_id) }
      nonmutating set { unsafe pointer.pointee.worker_id = newValue.pointer }
    }

    var serverID: TextView {
      get { unsafe TextView(pointer.pointee.server_id) }
      nonmutating set { unsafe pointer.pointee.server_id = newValue.pointer }
    }

    var serverVersion: TextView {
      get { unsafe TextView(pointer.pointee.server_version) }
      nonmutating set { unsafe pointer.pointee.server_version = newValue.pointer }
    }

    var lease: Proto.Duration? {
      get { unsafe pointer.pointee.lease.map { unsafe Proto.Duration($0) } }
      nonmutating set { unsafe pointer.pointee.lease = newValue?.pointer }
    }

    var heartbeat: Proto.Duration? {
      get { unsafe pointer.pointee.heartbeat.map { unsafe Proto.Duration($0) } }
      nonmutating set { unsafe pointer.pointee.heartbeat = newValue?.pointer }
    }

    var lost: MessageList<Proto.JobLease> {
      get { unsafe MessageList<Proto.JobLease>(pointer.pointee.lost, pointer.pointee.n_lost) }
      nonmutating set {
        unsafe pointer.pointee.lost = newValue.start?.assumingMemoryBound(to: UnsafeMutablePointer<Gkick__V1__JobLease>?.self)
        unsafe pointer.pointee.n_lost = newValue.count
      }
    }
  }
}

extension Proto {
  @safe struct AssignmentMetadataEntry: ProtoView {
    let pointer: UnsafeMutablePointer<Gkick__V1__Assignment__MetadataEntry>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__Assignment__MetadataEntry>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__Assignment__MetadataEntry>.size).assumingMemoryBound(to: Gkick__V1__Assignment__MetadataEntry.self)
      unsafe gkick__v1__assignment__metadata_entry__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__Assignment__MetadataEntry.self) }

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
  @safe struct Assignment: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__Assignment>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__Assignment>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__Assignment>.size).assumingMemoryBound(to: Gkick__V1__Assignment.self)
      unsafe gkick__v1__assignment__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__Assignment.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__assignment__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }

    var lease: Proto.JobLease? {
      get { unsafe pointer.pointee.lease.map { unsafe Proto.JobLease($0) } }
      nonmutating set { unsafe pointer.pointee.lease = newValue?.pointer }
    }

    var attempt: UInt32 {
      get { unsafe pointer.pointee.attempt }
      nonmutating set { unsafe pointer.pointee.attempt = newValue }
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

    var metadata: MessageList<Proto.AssignmentMetadataEntry> {
      get { unsafe MessageList<Proto.AssignmentMetadataEntry>(pointer.pointee.metadata, pointer.pointee.n_metadata) }
      nonmutating set {
        unsafe pointer.pointee.metadata = newValue.start?.assumingMemoryBound(to: UnsafeMutablePointer<Gkick__V1__Assignment__MetadataEntry>?.self)
        unsafe pointer.pointee.n_metadata = newValue.count
      }
    }

    var createdAt: Proto.Timestamp? {
      get { unsafe pointer.pointee.created_at.map { unsafe Proto.Timestamp($0) } }
      nonmutating set { unsafe pointer.pointee.created_at = newValue?.pointer }
    }

    var deadline: Proto.Timestamp? {
      get { unsafe pointer.pointee.deadline.map { unsafe Proto.Timestamp($0) } }
      nonmutating set { unsafe pointer.pointee.deadline = newValue?.pointer }
    }

    var maxAttempts: UInt32 {
      get { unsafe pointer.pointee.max_attempts }
      nonmutating set { unsafe pointer.pointee.max_attempts = newValue }
    }

    var priority: Int32 {
      get { unsafe pointer.pointee.priority }
      nonmutating set { unsafe pointer.pointee.priority = newValue }
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
  }
}

extension Proto {
  @safe struct Outcome: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__Outcome>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__Outcome>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__Outcome>.size).assumingMemoryBound(to: Gkick__V1__Outcome.self)
      unsafe gkick__v1__outcome__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__Outcome.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__outcome__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }

    var lease: Proto.JobLease? {
      get { unsafe pointer.pointee.lease.map { unsafe Proto.JobLease($0) } }
      nonmutating set { unsafe pointer.pointee.lease = newValue?.pointer }
    }

    var howCase: Gkick__V1__Outcome__HowCase {
      get { unsafe pointer.pointee.how_case }
      nonmutating set { unsafe pointer.pointee.how_case = newValue }
    }

    var success: Proto.Success? {
      get { unsafe pointer.pointee.success.map { unsafe Proto.Success($0) } }
      nonmutating set { unsafe pointer.pointee.success = newValue?.pointer }
    }

    var failure: Proto.Failure? {
      get { unsafe pointer.pointee.failure.map { unsafe Proto.Failure($0) } }
      nonmutating set { unsafe pointer.pointee.failure = newValue?.pointer }
    }

    var release: Proto.Release? {
      get { unsafe pointer.pointee.release.map { unsafe Proto.Release($0) } }
      nonmutating set { unsafe pointer.pointee.release = newValue?.pointer }
    }

    var canceled: Bool {
      get { unsafe pointer.pointee.canceled != 0 }
      nonmutating set { unsafe pointer.pointee.canceled = newValue ? 1 : 0 }
    }
  }
}

extension Proto {
  @safe struct Success: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__Success>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__Success>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__Success>.size).assumingMemoryBound(to: Gkick__V1__Success.self)
      unsafe gkick__v1__success__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__Success.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__success__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }

    var result: BytesView {
      get { unsafe BytesView(pointer.pointee.result) }
      nonmutating set { unsafe pointer.pointee.result = newValue.data }
    }
  }
}

extension Proto {
  @safe struct Release: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__Release>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__Release>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__Release>.size).assumingMemoryBound(to: Gkick__V1__Release.self)
      unsafe gkick__v1__release__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__Release.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__release__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }

    var delay: Proto.Duration? {
      get { unsafe pointer.pointee.delay.map { unsafe Proto.Duration($0) } }
      nonmutating set { unsafe pointer.pointee.delay = newValue?.pointer }
    }
  }
}

extension Proto {
  @safe struct OutcomeResult: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__OutcomeResult>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__OutcomeResult>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__OutcomeResult>.size).assumingMemoryBound(to: Gkick__V1__OutcomeResult.self)
      unsafe gkick__v1__outcome_result__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__OutcomeResult.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__outcome_result__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }

    var lease: Proto.JobLease? {
      get { unsafe pointer.pointee.lease.map { unsafe Proto.JobLease($0) } }
      nonmutating set { unsafe pointer.pointee.lease = newValue?.pointer }
    }

    var statusCode: Int32 {
      get { unsafe pointer.pointee.status_code }
      nonmutating set { unsafe pointer.pointee.status_code = newValue }
    }

    var statusMessage: TextView {
      get { unsafe TextView(pointer.pointee.status_message) }
      nonmutating set { unsafe pointer.pointee.status_message = newValue.pointer }
    }
  }
}

extension Proto {
  @safe struct ProgressReport: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__ProgressReport>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__ProgressReport>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__ProgressReport>.size).assumingMemoryBound(to: Gkick__V1__ProgressReport.self)
      unsafe gkick__v1__progress_report__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__ProgressReport.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__progress_report__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }

    var lease: Proto.JobLease? {
      get { unsafe pointer.pointee.lease.map { unsafe Proto.JobLease($0) } }
      nonmutating set { unsafe pointer.pointee.lease = newValue?.pointer }
    }

    var progress: Proto.Progress? {
      get { unsafe pointer.pointee.progress.map { unsafe Proto.Progress($0) } }
      nonmutating set { unsafe pointer.pointee.progress = newValue?.pointer }
    }
  }
}

extension Proto {
  @safe struct Cancellation: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__Cancellation>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__Cancellation>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__Cancellation>.size).assumingMemoryBound(to: Gkick__V1__Cancellation.self)
      unsafe gkick__v1__cancellation__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__Cancellation.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__cancellation__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }

    var lease: Proto.JobLease? {
      get { unsafe pointer.pointee.lease.map { unsafe Proto.JobLease($0) } }
      nonmutating set { unsafe pointer.pointee.lease = newValue?.pointer }
    }

    var reason: TextView {
      get { unsafe TextView(pointer.pointee.reason) }
      nonmutating set { unsafe pointer.pointee.reason = newValue.pointer }
    }
  }
}

extension Proto {
  @safe struct FetchRequest: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__FetchRequest>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__FetchRequest>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__FetchRequest>.size).assumingMemoryBound(to: Gkick__V1__FetchRequest.self)
      unsafe gkick__v1__fetch_request__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__FetchRequest.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__fetch_request__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }

    var workerID: TextView {
      get { unsafe TextView(pointer.pointee.worker_id) }
      nonmutating set { unsafe pointer.pointee.worker_id = newValue.pointer }
    }

    var queues: MessageList<Proto.QueueSubscription> {
      get { unsafe MessageList<Proto.QueueSubscription>(pointer.pointee.queues, pointer.pointee.n_queues) }
      nonmutating set {
        unsafe pointer.pointee.queues = newValue.start?.assumingMemoryBound(to: UnsafeMutablePointer<Gkick__V1__QueueSubscription>?.self)
        unsafe pointer.pointee.n_queues = newValue.count
      }
    }

    var names: TextList {
      get { unsafe TextList(pointer.pointee.names, pointer.pointee.n_names) }
      nonmutating set {
        unsafe pointer.pointee.names = newValue.start
        unsafe pointer.pointee.n_names = newValue.count
      }
    }

    var maxJobs: UInt32 {
      get { unsafe pointer.pointee.max_jobs }
      nonmutating set { unsafe pointer.pointee.max_jobs = newValue }
    }

    var maxWait: Proto.Duration? {
      get { unsafe pointer.pointee.max_wait.map { unsafe Proto.Duration($0) } }
      nonmutating set { unsafe pointer.pointee.max_wait = newValue?.pointer }
    }

    var lease: Proto.Duration? {
      get { unsafe pointer.pointee.lease.map { unsafe Proto.Duration($0) } }
      nonmutating set { unsafe pointer.pointee.lease = newValue?.pointer }
    }
  }
}

extension Proto {
  @safe struct FetchResponse: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__FetchResponse>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__FetchResponse>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__FetchResponse>.size).assumingMemoryBound(to: Gkick__V1__FetchResponse.self)
      unsafe gkick__v1__fetch_response__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__FetchResponse.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__fetch_response__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }

    var jobs: MessageList<Proto.Assignment> {
      get { unsafe MessageList<Proto.Assignment>(pointer.pointee.jobs, pointer.pointee.n_jobs) }
      nonmutating set {
        unsafe pointer.pointee.jobs = newValue.start?.assumingMemoryBound(to: UnsafeMutablePointer<Gkick__V1__Assignment>?.self)
        unsafe pointer.pointee.n_jobs = newValue.count
      }
    }

    var lease: Proto.Duration? {
      get { unsafe pointer.pointee.lease.map { unsafe Proto.Duration($0) } }
      nonmutating set { unsafe pointer.pointee.lease = newValue?.pointer }
    }
  }
}

extension Proto {
  @safe struct ReportRequest: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__ReportRequest>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__ReportRequest>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__ReportRequest>.size).assumingMemoryBound(to: Gkick__V1__ReportRequest.self)
      unsafe gkick__v1__report_request__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__ReportRequest.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__report_request__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }

    var workerID: TextView {
      get { unsafe TextView(pointer.pointee.worker_id) }
      nonmutating set { unsafe pointer.pointee.worker_id = newValue.pointer }
    }

    var outcomes: MessageList<Proto.Outcome> {
      get { unsafe MessageList<Proto.Outcome>(pointer.pointee.outcomes, pointer.pointee.n_outcomes) }
      nonmutating set {
        unsafe pointer.pointee.outcomes = newValue.start?.assumingMemoryBound(to: UnsafeMutablePointer<Gkick__V1__Outcome>?.self)
        unsafe pointer.pointee.n_outcomes = newValue.count
      }
    }

    var progress: MessageList<Proto.ProgressReport> {
      get { unsafe MessageList<Proto.ProgressReport>(pointer.pointee.progress, pointer.pointee.n_progress) }
      nonmutating set {
        unsafe pointer.pointee.progress = newValue.start?.assumingMemoryBound(to: UnsafeMutablePointer<Gkick__V1__ProgressReport>?.self)
        unsafe pointer.pointee.n_progress = newValue.count
      }
    }

    var extend: MessageList<Proto.JobLease> {
      get { unsafe MessageList<Proto.JobLease>(pointer.pointee.extend, pointer.pointee.n_extend) }
      nonmutating set {
        unsafe pointer.pointee.extend = newValue.start?.assumingMemoryBound(to: UnsafeMutablePointer<Gkick__V1__JobLease>?.self)
        unsafe pointer.pointee.n_extend = newValue.count
      }
    }
  }
}

extension Proto {
  @safe struct ReportResponse: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__ReportResponse>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__ReportResponse>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__ReportResponse>.size).assumingMemoryBound(to: Gkick__V1__ReportResponse.self)
      unsafe gkick__v1__report_response__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__ReportResponse.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__report_response__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }

    var results: MessageList<Proto.OutcomeResult> {
      get { unsafe MessageList<Proto.OutcomeResult>(pointer.pointee.results, pointer.pointee.n_results) }
      nonmutating set {
        unsafe pointer.pointee.results = newValue.start?.assumingMemoryBound(to: UnsafeMutablePointer<Gkick__V1__OutcomeResult>?.self)
        unsafe pointer.pointee.n_results = newValue.count
      }
    }

    var cancellations: MessageList<Proto.Cancellation> {
      get { unsafe MessageList<Proto.Cancellation>(pointer.pointee.cancellations, pointer.pointee.n_cancellations) }
      nonmutating set {
        unsafe pointer.pointee.cancellations = newValue.start?.assumingMemoryBound(to: UnsafeMutablePointer<Gkick__V1__Cancellation>?.self)
        unsafe pointer.pointee.n_cancellations = newValue.count
      }
    }
  }
}

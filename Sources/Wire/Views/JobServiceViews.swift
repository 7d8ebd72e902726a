// Made by Scripts/generate: do not edit.
// swift-format-ignore-file
import CProtobufC
import GKickProtos

// A message of the arena is whole: the generated function that made or decoded it filled all of the struct.

extension Proto {
  @safe struct Batch: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__Batch>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__Batch>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__Batch>.size).assumingMemoryBound(to: Gkick__V1__Batch.self)
      unsafe gkick__v1__batch__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__Batch.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__batch__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }

    var id: TextView {
      get { unsafe TextView(pointer.pointee.id) }
      nonmutating set { unsafe pointer.pointee.id = newValue.pointer }
    }

    var description: TextView {
      get { unsafe TextView(pointer.pointee.description) }
      nonmutating set { unsafe pointer.pointee.description = newValue.pointer }
    }

    var onFinished: Proto.JobSpec? {
      get { unsafe pointer.pointee.on_finished.map { unsafe Proto.JobSpec($0) } }
      nonmutating set { unsafe pointer.pointee.on_finished = newValue?.pointer }
    }

    var onSucceeded: Proto.JobSpec? {
      get { unsafe pointer.pointee.on_succeeded.map { unsafe Proto.JobSpec($0) } }
      nonmutating set { unsafe pointer.pointee.on_succeeded = newValue?.pointer }
    }

    var closed: Bool {
      get { unsafe pointer.pointee.closed != 0 }
      nonmutating set { unsafe pointer.pointee.closed = newValue ? 1 : 0 }
    }

    var jobs: UInt64 {
      get { unsafe pointer.pointee.jobs }
      nonmutating set { unsafe pointer.pointee.jobs = newValue }
    }

    var waiting: UInt64 {
      get { unsafe pointer.pointee.waiting }
      nonmutating set { unsafe pointer.pointee.waiting = newValue }
    }

    var running: UInt64 {
      get { unsafe pointer.pointee.running }
      nonmutating set { unsafe pointer.pointee.running = newValue }
    }

    var succeeded: UInt64 {
      get { unsafe pointer.pointee.succeeded }
      nonmutating set { unsafe pointer.pointee.succeeded = newValue }
    }

    var dead: UInt64 {
      get { unsafe pointer.pointee.dead }
      nonmutating set { unsafe pointer.pointee.dead = newValue }
    }

    var canceled: UInt64 {
      get { unsafe pointer.pointee.canceled }
      nonmutating set { unsafe pointer.pointee.canceled = newValue }
    }

    var createdAt: Proto.Timestamp? {
      get { unsafe pointer.pointee.created_at.map { unsafe Proto.Timestamp($0) } }
      nonmutating set { unsafe pointer.pointee.created_at = newValue?.pointer }
    }

    var finishedAt: Proto.Timestamp? {
      get { unsafe pointer.pointee.finished_at.map { unsafe Proto.Timestamp($0) } }
      nonmutating set { unsafe pointer.pointee.finished_at = newValue?.pointer }
    }

    var onFinishedJobID: TextView {
      get { unsafe TextView(pointer.pointee.on_finished_job_id) }
      nonmutating set { unsafe pointer.pointee.on_finished_job_id = newValue.pointer }
    }

    var onSucceededJobID: TextView {
      get { unsafe TextView(pointer.pointee.on_succeeded_job_id) }
      nonmutating set { unsafe pointer.pointee.on_succeeded_job_id = newValue.pointer }
    }
  }
}

extension Proto {
  @safe struct PutBatchRequest: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__PutBatchRequest>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__PutBatchRequest>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__PutBatchRequest>.size).assumingMemoryBound(to: Gkick__V1__PutBatchRequest.self)
      unsafe gkick__v1__put_batch_request__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__PutBatchRequest.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__put_batch_request__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }

    var batch: Proto.Batch? {
      get { unsafe pointer.pointee.batch.map { unsafe Proto.Batch($0) } }
      nonmutating set { unsafe pointer.pointee.batch = newValue?.pointer }
    }
  }
}

extension Proto {
  @safe struct PutBatchResponse: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__PutBatchResponse>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__PutBatchResponse>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__PutBatchResponse>.size).assumingMemoryBound(to: Gkick__V1__PutBatchResponse.self)
      unsafe gkick__v1__put_batch_response__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__PutBatchResponse.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__put_batch_response__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }

    var batch: Proto.Batch? {
      get { unsafe pointer.pointee.batch.map { unsafe Proto.Batch($0) } }
      nonmutating set { unsafe pointer.pointee.batch = newValue?.pointer }
    }
  }
}

extension Proto {
  @safe struct GetBatchRequest: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__GetBatchRequest>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__GetBatchRequest>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__GetBatchRequest>.size).assumingMemoryBound(to: Gkick__V1__GetBatchRequest.self)
      unsafe gkick__v1__get_batch_request__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__GetBatchRequest.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__get_batch_request__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }

    var batchID: TextView {
      get { unsafe TextView(pointer.pointee.batch_id) }
      nonmutating set { unsafe pointer.pointee.batch_id = newValue.pointer }
    }
  }
}

extension Proto {
  @safe struct GetBatchResponse: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__GetBatchResponse>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__GetBatchResponse>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__GetBatchResponse>.size).assumingMemoryBound(to: Gkick__V1__GetBatchResponse.self)
      unsafe gkick__v1__get_batch_response__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__GetBatchResponse.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__get_batch_response__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }

    var batch: Proto.Batch? {
      get { unsafe pointer.pointee.batch.map { unsafe Proto.Batch($0) } }
      nonmutating set { unsafe pointer.pointee.batch = newValue?.pointer }
    }
  }
}

extension Proto {
  @safe struct ListBatchesRequest: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__ListBatchesRequest>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__ListBatchesRequest>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__ListBatchesRequest>.size).assumingMemoryBound(to: Gkick__V1__ListBatchesRequest.self)
      unsafe gkick__v1__list_batches_request__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__ListBatchesRequest.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__list_batches_request__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }

    var unfinishedOnly: Bool {
      get { unsafe pointer.pointee.unfinished_only != 0 }
      nonmutating set { unsafe pointer.pointee.unfinished_only = newValue ? 1 : 0 }
    }

    var pageSize: UInt32 {
      get { unsafe pointer.pointee.page_size }
      nonmutating set { unsafe pointer.pointee.page_size = newValue }
    }

    var pageToken: TextView {
      get { unsafe TextView(pointer.pointee.page_token) }
      nonmutating set { unsafe pointer.pointee.page_token = newValue.pointer }
    }
  }
}

extension Proto {
  @safe struct ListBatchesResponse: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__ListBatchesResponse>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__ListBatchesResponse>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__ListBatchesResponse>.size).assumingMemoryBound(to: Gkick__V1__ListBatchesResponse.self)
      unsafe gkick__v1__list_batches_response__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__ListBatchesResponse.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__list_batches_response__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }

    var batches: MessageList<Proto.Batch> {
      get { unsafe MessageList<Proto.Batch>(pointer.pointee.batches, pointer.pointee.n_batches) }
      nonmutating set {
        unsafe pointer.pointee.batches = newValue.start?.assumingMemoryBound(to: UnsafeMutablePointer<Gkick__V1__Batch>?.self)
        unsafe pointer.pointee.n_batches = newValue.count
      }
    }

    var nextPageToken: TextView {
      get { unsafe TextView(pointer.pointee.next_page_token) }
      nonmutating set { unsafe pointer.pointee.next_page_token = newValue.pointer }
    }
  }
}

extension Proto {
  @safe struct CancelBatchRequest: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__CancelBatchRequest>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__CancelBatchRequest>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__CancelBatchRequest>.size).assumingMemoryBound(to: Gkick__V1__CancelBatchRequest.self)
      unsafe gkick__v1__cancel_batch_request__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__CancelBatchRequest.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__cancel_batch_request__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }

    var batchID: TextView {
      get { unsafe TextView(pointer.pointee.batch_id) }
      nonmutating set { unsafe pointer.pointee.batch_id = newValue.pointer }
    }

    var reason: TextView {
      get { unsafe TextView(pointer.pointee.reason) }
      nonmutating set { unsafe pointer.pointee.reason = newValue.pointer }
    }
  }
}

extension Proto {
  @safe struct CancelBatchResponse: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__CancelBatchResponse>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__CancelBatchResponse>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__CancelBatchResponse>.size).assumingMemoryBound(to: Gkick__V1__CancelBatchResponse.self)
      unsafe gkick__v1__cancel_batch_response__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__CancelBatchResponse.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__cancel_batch_response__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }

    var batch: Proto.Batch? {
      get { unsafe pointer.pointee.batch.map { unsafe Proto.Batch($0) } }
      nonmutating set { unsafe pointer.pointee.batch = newValue?.pointer }
    }
  }
}

extension Proto {
  @safe struct EnqueueRequest: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__EnqueueRequest>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__EnqueueRequest>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__EnqueueRequest>.size).assumingMemoryBound(to: Gkick__V1__EnqueueRequest.self)
      unsafe gkick__v1__enqueue_request__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__EnqueueRequest.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__enqueue_request__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }

    var job: Proto.JobSpec? {
      get { unsafe pointer.pointee.job.map { unsafe Proto.JobSpec($0) } }
      nonmutating set { unsafe pointer.pointee.job = newValue?.pointer }
    }

    var durability: Gkick__V1__Durability {
      get { unsafe pointer.pointee.durability }
      nonmutating set { unsafe pointer.pointee.durability = newValue }
    }
  }
}

extension Proto {
  @safe struct EnqueueResponse: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__EnqueueResponse>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__EnqueueResponse>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__EnqueueResponse>.size).assumingMemoryBound(to: Gkick__V1__EnqueueResponse.self)
      unsafe gkick__v1__enqueue_response__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__EnqueueResponse.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__enqueue_response__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }

    var jobID: TextView {
      get { unsafe TextView(pointer.pointee.job_id) }
      nonmutating set { unsafe pointer.pointee.job_id = newValue.pointer }
    }

    var duplicate: Bool {
      get { unsafe pointer.pointee.duplicate != 0 }
      nonmutating set { unsafe pointer.pointee.duplicate = newValue ? 1 : 0 }
    }

    var state: Gkick__V1__JobState {
      get { unsafe pointer.pointee.state }
      nonmutating set { unsafe pointer.pointee.state = newValue }
    }

    var durability: Gkick__V1__Durability {
      get { unsafe pointer.pointee.durability }
      nonmutating set { unsafe pointer.pointee.durability = newValue }
    }
  }
}

extension Proto {
  @safe struct ScheduleRequest: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__ScheduleRequest>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__ScheduleRequest>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__ScheduleRequest>.size).assumingMemoryBound(to: Gkick__V1__ScheduleRequest.self)
      unsafe gkick__v1__schedule_request__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__ScheduleRequest.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__schedule_request__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }

    var job: Proto.JobSpec? {
      get { unsafe pointer.pointee.job.map { unsafe Proto.JobSpec($0) } }
      nonmutating set { unsafe pointer.pointee.job = newValue?.pointer }
    }

    var durability: Gkick__V1__Durability {
      get { unsafe pointer.pointee.durability }
      nonmutating set { unsafe pointer.pointee.durability = newValue }
    }

    var whenCase: Gkick__V1__ScheduleRequest__WhenCase {
      get { unsafe pointer.pointee.when_case }
      nonmutating set { unsafe pointer.pointee.when_case = newValue }
    }

    var runAt: Proto.Timestamp? {
      get { unsafe pointer.pointee.run_at.map { unsafe Proto.Timestamp($0) } }
      nonmutating set { unsafe pointer.pointee.run_at = newValue?.pointer }
    }

    var delay: Proto.Duration? {
      get { unsafe pointer.pointee.delay.map { unsafe Proto.Duration($0) } }
      nonmutating set { unsafe pointer.pointee.delay = newValue?.pointer }
    }
  }
}

extension Proto {
  @safe struct ScheduleResponse: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__ScheduleResponse>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__ScheduleResponse>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__ScheduleResponse>.size).assumingMemoryBound(to: Gkick__V1__ScheduleResponse.self)
      unsafe gkick__v1__schedule_response__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__ScheduleResponse.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__schedule_response__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }

    var jobID: TextView {
      get { unsafe TextView(pointer.pointee.job_id) }
      nonmutating set { unsafe pointer.pointee.job_id = newValue.pointer }
    }

    var duplicate: Bool {
      get { unsafe pointer.pointee.duplicate != 0 }
      nonmutating set { unsafe pointer.pointee.duplicate = newValue ? 1 : 0 }
    }

    var state: Gkick__V1__JobState {
      get { unsafe pointer.pointee.state }
      nonmutating set { unsafe pointer.pointee.state = newValue }
    }

    var runAt: Proto.Timestamp? {
      get { unsafe pointer.pointee.run_at.map { unsafe Proto.Timestamp($0) } }
      nonmutating set { unsafe pointer.pointee.run_at = newValue?.pointer }
    }

    var durability: Gkick__V1__Durability {
      get { unsafe pointer.pointee.durability }
      nonmutating set { unsafe pointer.pointee.durability = newValue }
    }
  }
}

extension Proto {
  @safe struct EnqueueBatchRequest: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__EnqueueBatchRequest>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__EnqueueBatchRequest>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__EnqueueBatchRequest>.size).assumingMemoryBound(to: Gkick__V1__EnqueueBatchRequest.self)
      unsafe gkick__v1__enqueue_batch_request__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__EnqueueBatchRequest.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__enqueue_batch_request__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }

    var jobs: MessageList<Proto.ScheduleRequest> {
      get { unsafe MessageList<Proto.ScheduleRequest>(pointer.pointee.jobs, pointer.pointee.n_jobs) }
      nonmutating set {
        unsafe pointer.pointee.jobs = newValue.start?.assumingMemoryBound(to: UnsafeMutablePointer<Gkick__V1__ScheduleRequest>?.self)
        unsafe pointer.pointee.n_jobs = newValue.count
      }
    }

    var allOrNothing: Bool {
      get { unsafe pointer.pointee.all_or_nothing != 0 }
      nonmutating set { unsafe pointer.pointee.all_or_nothing = newValue ? 1 : 0 }
    }

    var durability: Gkick__V1__Durability {
      get { unsafe pointer.pointee.durability }
      nonmutating set { unsafe pointer.pointee.durability = newValue }
    }
  }
}

extension Proto {
  @safe struct EnqueueBatchResponse: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__EnqueueBatchResponse>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__EnqueueBatchResponse>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__EnqueueBatchResponse>.size).assumingMemoryBound(to: Gkick__V1__EnqueueBatchResponse.self)
      unsafe gkick__v1__enqueue_batch_response__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__EnqueueBatchResponse.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__enqueue_batch_response__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }

    var results: MessageList<Proto.EnqueueResult> {
      get { unsafe MessageList<Proto.EnqueueResult>(pointer.pointee.results, pointer.pointee.n_results) }
      nonmutating set {
        unsafe pointer.pointee.results = newValue.start?.assumingMemoryBound(to: UnsafeMutablePointer<Gkick__V1__EnqueueResult>?.self)
        unsafe pointer.pointee.n_results = newValue.count
      }
    }
  }
}

extension Proto {
  @safe struct EnqueueResult: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__EnqueueResult>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__EnqueueResult>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__EnqueueResult>.size).assumingMemoryBound(to: Gkick__V1__EnqueueResult.self)
      unsafe gkick__v1__enqueue_result__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__EnqueueResult.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__enqueue_result__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }

    var jobID: TextView {
      get { unsafe TextView(pointer.pointee.job_id) }
      nonmutating set { unsafe pointer.pointee.job_id = newValue.pointer }
    }

    var duplicate: Bool {
      get { unsafe pointer.pointee.duplicate != 0 }
      nonmutating set { unsafe pointer.pointee.duplicate = newValue ? 1 : 0 }
    }

    var state: Gkick__V1__JobState {
      get { unsafe pointer.pointee.state }
      nonmutating set { unsafe pointer.pointee.state = newValue }
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
  @safe struct GetJobRequest: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__GetJobRequest>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__GetJobRequest>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__GetJobRequest>.size).assumingMemoryBound(to: Gkick__V1__GetJobRequest.self)
      unsafe gkick__v1__get_job_request__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__GetJobRequest.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__get_job_request__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }

    var jobID: TextView {
      get { unsafe TextView(pointer.pointee.job_id) }
      nonmutating set { unsafe pointer.pointee.job_id = newValue.pointer }
    }
  }
}

extension Proto {
  @safe struct GetJobResponse: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__GetJobResponse>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__GetJobResponse>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__GetJobResponse>.size).assumingMemoryBound(to: Gkick__V1__GetJobResponse.self)
      unsafe gkick__v1__get_job_response__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__GetJobResponse.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__get_job_response__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }

    var job: Proto.Job? {
      get { unsafe pointer.pointee.job.map { unsafe Proto.Job($0) } }
      nonmutating set { unsafe pointer.pointee.job = newValue?.pointer }
    }
  }
}

extension Proto {
  @safe struct ListJobsRequest: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__ListJobsRequest>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__ListJobsRequest>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__ListJobsRequest>.size).assumingMemoryBound(to: Gkick__V1__ListJobsRequest.self)
      unsafe gkick__v1__list_jobs_request__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__ListJobsRequest.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__list_jobs_request__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }

    var queue: TextView {
      get { unsafe TextView(pointer.pointee.queue) }
      nonmutating set { unsafe pointer.pointee.queue = newValue.pointer }
    }

    var states: ValueList<Gkick__V1__JobState> {
      get { unsafe ValueList<Gkick__V1__JobState>(pointer.pointee.states, pointer.pointee.n_states) }
      nonmutating set {
        unsafe pointer.pointee.states = newValue.start
        unsafe pointer.pointee.n_states = newValue.count
      }
    }

    var name: TextView {
      get { unsafe TextView(pointer.pointee.name) }
      nonmutating set { unsafe pointer.pointee.name = newValue.pointer }
    }

    var batchID: TextView {
      get { unsafe TextView(pointer.pointee.batch_id) }
      nonmutating set { unsafe pointer.pointee.batch_id = newValue.pointer }
    }

    var pageSize: UInt32 {
      get { unsafe pointer.pointee.page_size }
      nonmutating set { unsafe pointer.pointee.page_size = newValue }
    }

    var pageToken: TextView {
      get { unsafe TextView(pointer.pointee.page_token) }
      nonmutating set { unsafe pointer.pointee.page_token = newValue.pointer }
    }

    var concurrencyKey: TextView {
      get { unsafe TextView(pointer.pointee.concurrency_key) }
      nonmutating set { unsafe pointer.pointee.concurrency_key = newValue.pointer }
    }

    var fairnessKey: TextView {
      get { unsafe TextView(pointer.pointee.fairness_key) }
      nonmutating set { unsafe pointer.pointee.fairness_key = newValue.pointer }
    }

    var recurringJobID: TextView {
      get { unsafe TextView(pointer.pointee.recurring_job_id) }
      nonmutating set { unsafe pointer.pointee.recurring_job_id = newValue.pointer }
    }
  }
}

extension Proto {
  @safe struct ListJobsResponse: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__ListJobsResponse>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__ListJobsResponse>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__ListJobsResponse>.size).assumingMemoryBound(to: Gkick__V1__ListJobsResponse.self)
      unsafe gkick__v1__list_jobs_response__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__ListJobsResponse.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__list_jobs_response__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }

    var jobs: MessageList<Proto.Job> {
      get { unsafe MessageList<Proto.Job>(pointer.pointee.jobs, pointer.pointee.n_jobs) }
      nonmutating set {
        unsafe pointer.pointee.jobs = newValue.start?.assumingMemoryBound(to: UnsafeMutablePointer<Gkick__V1__Job>?.self)
        unsafe pointer.pointee.n_jobs = newValue.count
      }
    }

    var nextPageToken: TextView {
      get { unsafe TextView(pointer.pointee.next_page_token) }
      nonmutating set { unsafe pointer.pointee.next_page_token = newValue.pointer }
    }
  }
}

extension Proto {
  @safe struct WaitJobRequest: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__WaitJobRequest>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__WaitJobRequest>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__WaitJobRequest>.size).assumingMemoryBound(to: Gkick__V1__WaitJobRequest.self)
      unsafe gkick__v1__wait_job_request__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__WaitJobRequest.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__wait_job_request__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }

    var jobID: TextView {
      get { unsafe TextView(pointer.pointee.job_id) }
      nonmutating set { unsafe pointer.pointee.job_id = newValue.pointer }
    }
  }
}

extension Proto {
  @safe struct WaitJobResponse: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__WaitJobResponse>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__WaitJobResponse>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__WaitJobResponse>.size).assumingMemoryBound(to: Gkick__V1__WaitJobResponse.self)
      unsafe gkick__v1__wait_job_response__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__WaitJobResponse.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__wait_job_response__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }

    var job: Proto.Job? {
      get { unsafe pointer.pointee.job.map { unsafe Proto.Job($0) } }
      nonmutating set { unsafe pointer.pointee.job = newValue?.pointer }
    }
  }
}

extension Proto {
  @safe struct CancelJobRequest: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__CancelJobRequest>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__CancelJobRequest>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__CancelJobRequest>.size).assumingMemoryBound(to: Gkick__V1__CancelJobRequest.self)
      unsafe gkick__v1__cancel_job_request__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__CancelJobRequest.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__cancel_job_request__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }

    var jobID: TextView {
      get { unsafe TextView(pointer.pointee.job_id) }
      nonmutating set { unsafe pointer.pointee.job_id = newValue.pointer }
    }

    var reason: TextView {
      get { unsafe TextView(pointer.pointee.reason) }
      nonmutating set { unsafe pointer.pointee.reason = newValue.pointer }
    }
  }
}

extension Proto {
  @safe struct CancelJobResponse: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__CancelJobResponse>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__CancelJobResponse>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__CancelJobResponse>.size).assumingMemoryBound(to: Gkick__V1__CancelJobResponse.self)
      unsafe gkick__v1__cancel_job_response__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__CancelJobResponse.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__cancel_job_response__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }

    var job: Proto.Job? {
      get { unsafe pointer.pointee.job.map { unsafe Proto.Job($0) } }
      nonmutating set { unsafe pointer.pointee.job = newValue?.pointer }
    }
  }
}

extension Proto {
  @safe struct RetryJobRequest: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__RetryJobRequest>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__RetryJobRequest>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__RetryJobRequest>.size).assumingMemoryBound(to: Gkick__V1__RetryJobRequest.self)
      unsafe gkick__v1__retry_job_request__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__RetryJobRequest.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__retry_job_request__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }

    var jobID: TextView {
      get { unsafe TextView(pointer.pointee.job_id) }
      nonmutating set { unsafe pointer.pointee.job_id = newValue.pointer }
    }

    var resetAttempts: Bool {
      get { unsafe pointer.pointee.reset_attempts != 0 }
      nonmutating set { unsafe pointer.pointee.reset_attempts = newValue ? 1 : 0 }
    }
  }
}

extension Proto {
  @safe struct RetryJobResponse: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__RetryJobResponse>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__RetryJobResponse>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__RetryJobResponse>.size).assumingMemoryBound(to: Gkick__V1__RetryJobResponse.self)
      unsafe gkick__v1__retry_job_response__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__RetryJobResponse.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__retry_job_response__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }

    var job: Proto.Job? {
      get { unsafe pointer.pointee.job.map { unsafe Proto.Job($0) } }
      nonmutating set { unsafe pointer.pointee.job = newValue?.pointer }
    }
  }
}

extension Proto {
  @safe struct DeleteJobRequest: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__DeleteJobRequest>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__DeleteJobRequest>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__DeleteJobRequest>.size).assumingMemoryBound(to: Gkick__V1__DeleteJobRequest.self)
      unsafe gkick__v1__delete_job_request__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__DeleteJobRequest.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__delete_job_request__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }

    var jobID: TextView {
      get { unsafe TextView(pointer.pointee.job_id) }
      nonmutating set { unsafe pointer.pointee.job_id = newValue.pointer }
    }
  }
}

extension Proto {
  @safe struct DeleteJobResponse: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__DeleteJobResponse>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__DeleteJobResponse>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__DeleteJobResponse>.size).assumingMemoryBound(to: Gkick__V1__DeleteJobResponse.self)
      unsafe gkick__v1__delete_job_response__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__DeleteJobResponse.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__delete_job_response__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }
  }
}

extension Proto {
  @safe struct ExplainJobRequest: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__ExplainJobRequest>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__ExplainJobRequest>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__ExplainJobRequest>.size).assumingMemoryBound(to: Gkick__V1__ExplainJobRequest.self)
      unsafe gkick__v1__explain_job_request__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__ExplainJobRequest.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__explain_job_request__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }

    var jobID: TextView {
      get { unsafe TextView(pointer.pointee.job_id) }
      nonmutating set { unsafe pointer.pointee.job_id = newValue.pointer }
    }
  }
}

extension Proto {
  @safe struct ExplainJobResponseReason: ProtoView {
    let pointer: UnsafeMutablePointer<Gkick__V1__ExplainJobResponse__Reason>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__ExplainJobResponse__Reason>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__ExplainJobResponse__Reason>.size).assumingMemoryBound(to: Gkick__V1__ExplainJobResponse__Reason.self)
      unsafe gkick__v1__explain_job_response__reason__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__ExplainJobResponse__Reason.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    var hindrance: Gkick__V1__Hindrance {
      get { unsafe pointer.pointee.hindrance }
      nonmutating set { unsafe pointer.pointee.hindrance = newValue }
    }

    var text: TextView {
      get { unsafe TextView(pointer.pointee.text) }
      nonmutating set { unsafe pointer.pointee.text = newValue.pointer }
    }

    var jobIDs: TextList {
      get { unsafe TextList(pointer.pointee.job_ids, pointer.pointee.n_job_ids) }
      nonmutating set {
        unsafe pointer.pointee.job_ids = newValue.start
        unsafe pointer.pointee.n_job_ids = newValue.count
      }
    }

    var notBefore: Proto.Timestamp? {
      get { unsafe pointer.pointee.not_before.map { unsafe Proto.Timestamp($0) } }
      nonmutating set { unsafe pointer.pointee.not_before = newValue?.pointer }
    }
  }
}

extension Proto {
  @safe struct ExplainJobResponse: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__ExplainJobResponse>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__ExplainJobResponse>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__ExplainJobResponse>.size).assumingMemoryBound(to: Gkick__V1__ExplainJobResponse.self)
      unsafe gkick__v1__explain_job_response__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__ExplainJobResponse.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__explain_job_response__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }

    var job: Proto.Job? {
      get { unsafe pointer.pointee.job.map { unsafe Proto.Job($0) } }
      nonmutating set { unsafe pointer.pointee.job = newValue?.pointer }
    }

    var reasons: MessageList<Proto.ExplainJobResponseReason> {
      get { unsafe MessageList<Proto.ExplainJobResponseReason>(pointer.pointee.reasons, pointer.pointee.n_reasons) }
      nonmutating set {
        unsafe pointer.pointee.reasons = newValue.start?.assumingMemoryBound(to: UnsafeMutablePointer<Gkick__V1__ExplainJobResponse__Reason>?.self)
        unsafe pointer.pointee.n_reasons = newValue.count
      }
    }

    var jobsAhead: UInt64 {
      get { unsafe pointer.pointee.jobs_ahead }
      nonmutating set { unsafe pointer.pointee.jobs_ahead = newValue }
    }
  }
}

extension Proto {
  @safe struct StreamEventsRequest: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__StreamEventsRequest>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__StreamEventsRequest>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__StreamEventsRequest>.size).assumingMemoryBound(to: Gkick__V1__StreamEventsRequest.self)
      unsafe gkick__v1__stream_events_request__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__StreamEventsRequest.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__stream_events_request__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }

    var afterCursor: TextView {
      get { unsafe TextView(pointer.pointee.after_cursor) }
      nonmutating set { unsafe pointer.pointee.after_cursor = newValue.pointer }
    }

    var queues: TextList {
      get { unsafe TextList(pointer.pointee.queues, pointer.pointee.n_queues) }
      nonmutating set {
        unsafe pointer.pointee.queues = newValue.start
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

    var jobIDs: TextList {
      get { unsafe TextList(pointer.pointee.job_ids, pointer.pointee.n_job_ids) }
      nonmutating set {
        unsafe pointer.pointee.job_ids = newValue.start
        unsafe pointer.pointee.n_job_ids = newValue.count
      }
    }

    var types: ValueList<Gkick__V1__EventType> {
      get { unsafe ValueList<Gkick__V1__EventType>(pointer.pointee.types, pointer.pointee.n_types) }
      nonmutating set {
        unsafe pointer.pointee.types = newValue.start
        unsafe pointer.pointee.n_types = newValue.count
      }
    }

    var batchID: TextView {
      get { unsafe TextView(pointer.pointee.batch_id) }
      nonmutating set { unsafe pointer.pointee.batch_id = newValue.pointer }
    }
  }
}

extension Proto {
  @safe struct StreamEventsResponse: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__StreamEventsResponse>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__StreamEventsResponse>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__StreamEventsResponse>.size).assumingMemoryBound(to: Gkick__V1__StreamEventsResponse.self)
      unsafe gkick__v1__stream_events_response__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__StreamEventsResponse.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__stream_events_response__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }

    var events: MessageList<Proto.Event> {
      get { unsafe MessageList<Proto.Event>(pointer.pointee.events, pointer.pointee.n_events) }
      nonmutating set {
        unsafe pointer.pointee.events = newValue.start?.assumingMemoryBound(to: UnsafeMutablePointer<Gkick__V1__Event>?.self)
        unsafe pointer.pointee.n_events = newValue.count
      }
    }

    var cursor: TextView {
      get { unsafe TextView(pointer.pointee.cursor) }
      nonmutating set { unsafe pointer.pointee.cursor = newValue.pointer }
    }
  }
}

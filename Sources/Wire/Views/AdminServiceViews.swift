// Made by Scripts/generate: do not edit.
// swift-format-ignore-file
import CProtobufC
import GKickProtos

// A message of the arena is whole: the generated function that made or decoded it filled all of the struct.

extension Proto {
  @safe struct GetServerInfoRequest: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__GetServerInfoRequest>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__GetServerInfoRequest>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__GetServerInfoRequest>.size).assumingMemoryBound(to: Gkick__V1__GetServerInfoRequest.self)
      unsafe gkick__v1__get_server_info_request__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__GetServerInfoRequest.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__get_server_info_request__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }
  }
}

extension Proto {
  @safe struct GetServerInfoResponse: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__GetServerInfoResponse>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__GetServerInfoResponse>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__GetServerInfoResponse>.size).assumingMemoryBound(to: Gkick__V1__GetServerInfoResponse.self)
      unsafe gkick__v1__get_server_info_response__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__GetServerInfoResponse.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__get_server_info_response__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }

    var serverID: TextView {
      get { unsafe TextView(pointer.pointee.server_id) }
      nonmutating set { unsafe pointer.pointee.server_id = newValue.pointer }
    }

    var version: TextView {
      get { unsafe TextView(pointer.pointee.version) }
      nonmutating set { unsafe pointer.pointee.version = newValue.pointer }
    }

    var store: TextView {
      get { unsafe TextView(pointer.pointee.store) }
      nonmutating set { unsafe pointer.pointee.store = newValue.pointer }
    }

    var startedAt: Proto.Timestamp? {
      get { unsafe pointer.pointee.started_at.map { unsafe Proto.Timestamp($0) } }
      nonmutating set { unsafe pointer.pointee.started_at = newValue?.pointer }
    }
  }
}

extension Proto {
  @safe struct Server: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__Server>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__Server>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__Server>.size).assumingMemoryBound(to: Gkick__V1__Server.self)
      unsafe gkick__v1__server__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__Server.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__server__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }

    var serverID: TextView {
      get { unsafe TextView(pointer.pointee.server_id) }
      nonmutating set { unsafe pointer.pointee.server_id = newValue.pointer }
    }

    var address: TextView {
      get { unsafe TextView(pointer.pointee.address) }
      nonmutating set { unsafe pointer.pointee.address = newValue.pointer }
    }

    var version: TextView {
      get { unsafe TextView(pointer.pointee.version) }
      nonmutating set { unsafe pointer.pointee.version = newValue.pointer }
    }

    var leads: Bool {
      get { unsafe pointer.pointee.leads != 0 }
      nonmutating set { unsafe pointer.pointee.leads = newValue ? 1 : 0 }
    }

    var startedAt: Proto.Timestamp? {
      get { unsafe pointer.pointee.started_at.map { unsafe Proto.Timestamp($0) } }
      nonmutating set { unsafe pointer.pointee.started_at = newValue?.pointer }
    }

    var lastSeenAt: Proto.Timestamp? {
      get { unsafe pointer.pointee.last_seen_at.map { unsafe Proto.Timestamp($0) } }
      nonmutating set { unsafe pointer.pointee.last_seen_at = newValue?.pointer }
    }

    var workers: UInt32 {
      get { unsafe pointer.pointee.workers }
      nonmutating set { unsafe pointer.pointee.workers = newValue }
    }
  }
}

extension Proto {
  @safe struct ListServersRequest: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__ListServersRequest>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__ListServersRequest>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__ListServersRequest>.size).assumingMemoryBound(to: Gkick__V1__ListServersRequest.self)
      unsafe gkick__v1__list_servers_request__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__ListServersRequest.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__list_servers_request__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }
  }
}

extension Proto {
  @safe struct ListServersResponse: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__ListServersResponse>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__ListServersResponse>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__ListServersResponse>.size).assumingMemoryBound(to: Gkick__V1__ListServersResponse.self)
      unsafe gkick__v1__list_servers_response__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__ListServersResponse.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__list_servers_response__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }

    var servers: MessageList<Proto.Server> {
      get { unsafe MessageList<Proto.Server>(pointer.pointee.servers, pointer.pointee.n_servers) }
      nonmutating set {
        unsafe pointer.pointee.servers = newValue.start?.assumingMemoryBound(to: UnsafeMutablePointer<Gkick__V1__Server>?.self)
        unsafe pointer.pointee.n_servers = newValue.count
      }
    }
  }
}

extension Proto {
  @safe struct Queue: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__Queue>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__Queue>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__Queue>.size).assumingMemoryBound(to: Gkick__V1__Queue.self)
      unsafe gkick__v1__queue__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__Queue.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__queue__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }

    var name: TextView {
      get { unsafe TextView(pointer.pointee.name) }
      nonmutating set { unsafe pointer.pointee.name = newValue.pointer }
    }

    var paused: Bool {
      get { unsafe pointer.pointee.paused != 0 }
      nonmutating set { unsafe pointer.pointee.paused = newValue ? 1 : 0 }
    }

    var ready: UInt64 {
      get { unsafe pointer.pointee.ready }
      nonmutating set { unsafe pointer.pointee.ready = newValue }
    }

    var scheduled: UInt64 {
      get { unsafe pointer.pointee.scheduled }
      nonmutating set { unsafe pointer.pointee.scheduled = newValue }
    }

    var running: UInt64 {
      get { unsafe pointer.pointee.running }
      nonmutating set { unsafe pointer.pointee.running = newValue }
    }

    var dead: UInt64 {
      get { unsafe pointer.pointee.dead }
      nonmutating set { unsafe pointer.pointee.dead = newValue }
    }

    var blocked: UInt64 {
      get { unsafe pointer.pointee.blocked }
      nonmutating set { unsafe pointer.pointee.blocked = newValue }
    }

    var succeededTotal: UInt64 {
      get { unsafe pointer.pointee.succeeded_total }
      nonmutating set { unsafe pointer.pointee.succeeded_total = newValue }
    }

    var failedTotal: UInt64 {
      get { unsafe pointer.pointee.failed_total }
      nonmutating set { unsafe pointer.pointee.failed_total = newValue }
    }

    var oldestReadyAge: Proto.Duration? {
      get { unsafe pointer.pointee.oldest_ready_age.map { unsafe Proto.Duration($0) } }
      nonmutating set { unsafe pointer.pointee.oldest_ready_age = newValue?.pointer }
    }

    var workers: UInt32 {
      get { unsafe pointer.pointee.workers }
      nonmutating set { unsafe pointer.pointee.workers = newValue }
    }
  }
}

extension Proto {
  @safe struct ListQueuesRequest: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__ListQueuesRequest>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__ListQueuesRequest>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__ListQueuesRequest>.size).assumingMemoryBound(to: Gkick__V1__ListQueuesRequest.self)
      unsafe gkick__v1__list_queues_request__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__ListQueuesRequest.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__list_queues_request__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }

    var prefix: TextView {
      get { unsafe TextView(pointer.pointee.prefix) }
      nonmutating set { unsafe pointer.pointee.prefix = newValue.pointer }
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
  @safe struct ListQueuesResponse: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__ListQueuesResponse>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__ListQueuesResponse>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__ListQueuesResponse>.size).assumingMemoryBound(to: Gkick__V1__ListQueuesResponse.self)
      unsafe gkick__v1__list_queues_response__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__ListQueuesResponse.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__list_queues_response__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }

    var queues: MessageList<Proto.Queue> {
      get { unsafe MessageList<Proto.Queue>(pointer.pointee.queues, pointer.pointee.n_queues) }
      nonmutating set {
        unsafe pointer.pointee.queues = newValue.start?.assumingMemoryBound(to: UnsafeMutablePointer<Gkick__V1__Queue>?.self)
        unsafe pointer.pointee.n_queues = newValue.count
      }
    }

    var nextPageToken: TextView {
      get { unsafe TextView(pointer.pointee.next_page_token) }
      nonmutating set { unsafe pointer.pointee.next_page_token = newValue.pointer }
    }
  }
}

extension Proto {
  @safe struct DeleteQueueRequest: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__DeleteQueueRequest>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__DeleteQueueRequest>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__DeleteQueueRequest>.size).assumingMemoryBound(to: Gkick__V1__DeleteQueueRequest.self)
      unsafe gkick__v1__delete_queue_request__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__DeleteQueueRequest.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__delete_queue_request__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }

    var queue: TextView {
      get { unsafe TextView(pointer.pointee.queue) }
      nonmutating set { unsafe pointer.pointee.queue = newValue.pointer }
    }
  }
}

extension Proto {
  @safe struct DeleteQueueResponse: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__DeleteQueueResponse>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__DeleteQueueResponse>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__DeleteQueueResponse>.size).assumingMemoryBound(to: Gkick__V1__DeleteQueueResponse.self)
      unsafe gkick__v1__delete_queue_response__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__DeleteQueueResponse.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__delete_queue_response__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }
  }
}

extension Proto {
  @safe struct PauseQueueRequest: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__PauseQueueRequest>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__PauseQueueRequest>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__PauseQueueRequest>.size).assumingMemoryBound(to: Gkick__V1__PauseQueueRequest.self)
      unsafe gkick__v1__pause_queue_request__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__PauseQueueRequest.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__pause_queue_request__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }

    var queue: TextView {
      get { unsafe TextView(pointer.pointee.queue) }
      nonmutating set { unsafe pointer.pointee.queue = newValue.pointer }
    }
  }
}

extension Proto {
  @safe struct PauseQueueResponse: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__PauseQueueResponse>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__PauseQueueResponse>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__PauseQueueResponse>.size).assumingMemoryBound(to: Gkick__V1__PauseQueueResponse.self)
      unsafe gkick__v1__pause_queue_response__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__PauseQueueResponse.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__pause_queue_response__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }
  }
}

extension Proto {
  @safe struct ResumeQueueRequest: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__ResumeQueueRequest>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__ResumeQueueRequest>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__ResumeQueueRequest>.size).assumingMemoryBound(to: Gkick__V1__ResumeQueueRequest.self)
      unsafe gkick__v1__resume_queue_request__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__ResumeQueueRequest.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__resume_queue_request__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }

    var queue: TextView {
      get { unsafe TextView(pointer.pointee.queue) }
      nonmutating set { unsafe pointer.pointee.queue = newValue.pointer }
    }
  }
}

extension Proto {
  @safe struct ResumeQueueResponse: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__ResumeQueueResponse>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__ResumeQueueResponse>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__ResumeQueueResponse>.size).assumingMemoryBound(to: Gkick__V1__ResumeQueueResponse.self)
      unsafe gkick__v1__resume_queue_response__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__ResumeQueueResponse.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__resume_queue_response__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }
  }
}

extension Proto {
  @safe struct PurgeQueueRequest: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__PurgeQueueRequest>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__PurgeQueueRequest>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__PurgeQueueRequest>.size).assumingMemoryBound(to: Gkick__V1__PurgeQueueRequest.self)
      unsafe gkick__v1__purge_queue_request__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__PurgeQueueRequest.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__purge_queue_request__unpack(arena.allocator, bytes.count, bytes.baseAddress)
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
  }
}

extension Proto {
  @safe struct PurgeQueueResponse: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__PurgeQueueResponse>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__PurgeQueueResponse>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__PurgeQueueResponse>.size).assumingMemoryBound(to: Gkick__V1__PurgeQueueResponse.self)
      unsafe gkick__v1__purge_queue_response__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__PurgeQueueResponse.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__purge_queue_response__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }

    var deleted: UInt64 {
      get { unsafe pointer.pointee.deleted }
      nonmutating set { unsafe pointer.pointee.deleted = newValue }
    }
  }
}

extension Proto {
  @safe struct RetryJobsRequest: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__RetryJobsRequest>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__RetryJobsRequest>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__RetryJobsRequest>.size).assumingMemoryBound(to: Gkick__V1__RetryJobsRequest.self)
      unsafe gkick__v1__retry_jobs_request__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__RetryJobsRequest.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__retry_jobs_request__unpack(arena.allocator, bytes.count, bytes.baseAddress)
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

    var resetAttempts: Bool {
      get { unsafe pointer.pointee.reset_attempts != 0 }
      nonmutating set { unsafe pointer.pointee.reset_attempts = newValue ? 1 : 0 }
    }
  }
}

extension Proto {
  @safe struct RetryJobsResponse: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__RetryJobsResponse>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__RetryJobsResponse>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__RetryJobsResponse>.size).assumingMemoryBound(to: Gkick__V1__RetryJobsResponse.self)
      unsafe gkick__v1__retry_jobs_response__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__RetryJobsResponse.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__retry_jobs_response__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }

    var retried: UInt64 {
      get { unsafe pointer.pointee.retried }
      nonmutating set { unsafe pointer.pointee.retried = newValue }
    }
  }
}

extension Proto {
  @safe struct ChangeJobsRequest: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__ChangeJobsRequest>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__ChangeJobsRequest>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__ChangeJobsRequest>.size).assumingMemoryBound(to: Gkick__V1__ChangeJobsRequest.self)
      unsafe gkick__v1__change_jobs_request__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__ChangeJobsRequest.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__change_jobs_request__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }

    var action: Gkick__V1__BulkAction {
      get { unsafe pointer.pointee.action }
      nonmutating set { unsafe pointer.pointee.action = newValue }
    }

    var states: ValueList<Gkick__V1__JobState> {
      get { unsafe ValueList<Gkick__V1__JobState>(pointer.pointee.states, pointer.pointee.n_states) }
      nonmutating set {
        unsafe pointer.pointee.states = newValue.start
        unsafe pointer.pointee.n_states = newValue.count
      }
    }

    var queue: TextView {
      get { unsafe TextView(pointer.pointee.queue) }
      nonmutating set { unsafe pointer.pointee.queue = newValue.pointer }
    }

    var name: TextView {
      get { unsafe TextView(pointer.pointee.name) }
      nonmutating set { unsafe pointer.pointee.name = newValue.pointer }
    }

    var batchID: TextView {
      get { unsafe TextView(pointer.pointee.batch_id) }
      nonmutating set { unsafe pointer.pointee.batch_id = newValue.pointer }
    }

    var concurrencyKey: TextView {
      get { unsafe TextView(pointer.pointee.concurrency_key) }
      nonmutating set { unsafe pointer.pointee.concurrency_key = newValue.pointer }
    }

    var createdBefore: Proto.Timestamp? {
      get { unsafe pointer.pointee.created_before.map { unsafe Proto.Timestamp($0) } }
      nonmutating set { unsafe pointer.pointee.created_before = newValue?.pointer }
    }

    var resetAttempts: Bool {
      get { unsafe pointer.pointee.reset_attempts != 0 }
      nonmutating set { unsafe pointer.pointee.reset_attempts = newValue ? 1 : 0 }
    }

    var reason: TextView {
      get { unsafe TextView(pointer.pointee.reason) }
      nonmutating set { unsafe pointer.pointee.reason = newValue.pointer }
    }
  }
}

extension Proto {
  @safe struct ChangeJobsResponse: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__ChangeJobsResponse>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__ChangeJobsResponse>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__ChangeJobsResponse>.size).assumingMemoryBound(to: Gkick__V1__ChangeJobsResponse.self)
      unsafe gkick__v1__change_jobs_response__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__ChangeJobsResponse.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__change_jobs_response__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }

    var changed: UInt64 {
      get { unsafe pointer.pointee.changed }
      nonmutating set { unsafe pointer.pointee.changed = newValue }
    }
  }
}

extension Proto {
  @safe struct WorkerLabelsEntry: ProtoView {
    let pointer: UnsafeMutablePointer<Gkick__V1__Worker__LabelsEntry>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__Worker__LabelsEntry>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__Worker__LabelsEntry>.size).assumingMemoryBound(to: Gkick__V1__Worker__LabelsEntry.self)
      unsafe gkick__v1__worker__labels_entry__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__Worker__LabelsEntry.self) }

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
  @safe struct Worker: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__Worker>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__Worker>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__Worker>.size).assumingMemoryBound(to: Gkick__V1__Worker.self)
      unsafe gkick__v1__worker__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__Worker.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__worker__unpack(arena.allocator, bytes.count, bytes.baseAddress)
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

    var maxInFlight: UInt32 {
      get { unsafe pointer.pointee.max_in_flight }
      nonmutating set { unsafe pointer.pointee.max_in_flight = newValue }
    }

    var running: UInt32 {
      get { unsafe pointer.pointee.running }
      nonmutating set { unsafe pointer.pointee.running = newValue }
    }

    var lostTotal: UInt64 {
      get { unsafe pointer.pointee.lost_total }
      nonmutating set { unsafe pointer.pointee.lost_total = newValue }
    }

    var draining: Bool {
      get { unsafe pointer.pointee.draining != 0 }
      nonmutating set { unsafe pointer.pointee.draining = newValue ? 1 : 0 }
    }

    var connectedAt: Proto.Timestamp? {
      get { unsafe pointer.pointee.connected_at.map { unsafe Proto.Timestamp($0) } }
      nonmutating set { unsafe pointer.pointee.connected_at = newValue?.pointer }
    }

    var lastSeenAt: Proto.Timestamp? {
      get { unsafe pointer.pointee.last_seen_at.map { unsafe Proto.Timestamp($0) } }
      nonmutating set { unsafe pointer.pointee.last_seen_at = newValue?.pointer }
    }

    var address: TextView {
      get { unsafe TextView(pointer.pointee.address) }
      nonmutating set { unsafe pointer.pointee.address = newValue.pointer }
    }

    var labels: MessageList<Proto.WorkerLabelsEntry> {
      get { unsafe MessageList<Proto.WorkerLabelsEntry>(pointer.pointee.labels, pointer.pointee.n_labels) }
      nonmutating set {
        unsafe pointer.pointee.labels = newValue.start?.assumingMemoryBound(to: UnsafeMutablePointer<Gkick__V1__Worker__LabelsEntry>?.self)
        unsafe pointer.pointee.n_labels = newValue.count
      }
    }

    var succeededTotal: UInt64 {
      get { unsafe pointer.pointee.succeeded_total }
      nonmutating set { unsafe pointer.pointee.succeeded_total = newValue }
    }

    var failedTotal: UInt64 {
      get { unsafe pointer.pointee.failed_total }
      nonmutating set { unsafe pointer.pointee.failed_total = newValue }
    }
  }
}

extension Proto {
  @safe struct ListWorkersRequest: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__ListWorkersRequest>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__ListWorkersRequest>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__ListWorkersRequest>.size).assumingMemoryBound(to: Gkick__V1__ListWorkersRequest.self)
      unsafe gkick__v1__list_workers_request__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__ListWorkersRequest.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__list_workers_request__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }

    var queue: TextView {
      get { unsafe TextView(pointer.pointee.queue) }
      nonmutating set { unsafe pointer.pointee.queue = newValue.pointer }
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
  @safe struct ListWorkersResponse: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__ListWorkersResponse>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__ListWorkersResponse>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__ListWorkersResponse>.size).assumingMemoryBound(to: Gkick__V1__ListWorkersResponse.self)
      unsafe gkick__v1__list_workers_response__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__ListWorkersResponse.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__list_workers_response__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }

    var workers: MessageList<Proto.Worker> {
      get { unsafe MessageList<Proto.Worker>(pointer.pointee.workers, pointer.pointee.n_workers) }
      nonmutating set {
        unsafe pointer.pointee.workers = newValue.start?.assumingMemoryBound(to: UnsafeMutablePointer<Gkick__V1__Worker>?.self)
        unsafe pointer.pointee.n_workers = newValue.count
      }
    }

    var nextPageToken: TextView {
      get { unsafe TextView(pointer.pointee.next_page_token) }
      nonmutating set { unsafe pointer.pointee.next_page_token = newValue.pointer }
    }
  }
}

extension Proto {
  @safe struct DrainWorkerRequest: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__DrainWorkerRequest>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__DrainWorkerRequest>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__DrainWorkerRequest>.size).assumingMemoryBound(to: Gkick__V1__DrainWorkerRequest.self)
      unsafe gkick__v1__drain_worker_request__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__DrainWorkerRequest.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__drain_worker_request__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }

    var workerID: TextView {
      get { unsafe TextView(pointer.pointee.worker_id) }
      nonmutating set { unsafe pointer.pointee.worker_id = newValue.pointer }
    }
  }
}

extension Proto {
  @safe struct DrainWorkerResponse: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__DrainWorkerResponse>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__DrainWorkerResponse>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__DrainWorkerResponse>.size).assumingMemoryBound(to: Gkick__V1__DrainWorkerResponse.self)
      unsafe gkick__v1__drain_worker_response__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__DrainWorkerResponse.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__drain_worker_response__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }
  }
}

extension Proto {
  @safe struct RecurringJob: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__RecurringJob>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__RecurringJob>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__RecurringJob>.size).assumingMemoryBound(to: Gkick__V1__RecurringJob.self)
      unsafe gkick__v1__recurring_job__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__RecurringJob.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__recurring_job__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }

    var id: TextView {
      get { unsafe TextView(pointer.pointee.id) }
      nonmutating set { unsafe pointer.pointee.id = newValue.pointer }
    }

    var cron: TextView {
      get { unsafe TextView(pointer.pointee.cron) }
      nonmutating set { unsafe pointer.pointee.cron = newValue.pointer }
    }

    var every: Proto.Duration? {
      get { unsafe pointer.pointee.every.map { unsafe Proto.Duration($0) } }
      nonmutating set { unsafe pointer.pointee.every = newValue?.pointer }
    }

    var timeZone: TextView {
      get { unsafe TextView(pointer.pointee.time_zone) }
      nonmutating set { unsafe pointer.pointee.time_zone = newValue.pointer }
    }

    var job: Proto.JobSpec? {
      get { unsafe pointer.pointee.job.map { unsafe Proto.JobSpec($0) } }
      nonmutating set { unsafe pointer.pointee.job = newValue?.pointer }
    }

    var missedRuns: Gkick__V1__MissedRuns {
      get { unsafe pointer.pointee.missed_runs }
      nonmutating set { unsafe pointer.pointee.missed_runs = newValue }
    }

    var overlap: Gkick__V1__Overlap {
      get { unsafe pointer.pointee.overlap }
      nonmutating set { unsafe pointer.pointee.overlap = newValue }
    }

    var paused: Bool {
      get { unsafe pointer.pointee.paused != 0 }
      nonmutating set { unsafe pointer.pointee.paused = newValue ? 1 : 0 }
    }

    var nextRunAt: Proto.Timestamp? {
      get { unsafe pointer.pointee.next_run_at.map { unsafe Proto.Timestamp($0) } }
      nonmutating set { unsafe pointer.pointee.next_run_at = newValue?.pointer }
    }

    var lastRunAt: Proto.Timestamp? {
      get { unsafe pointer.pointee.last_run_at.map { unsafe Proto.Timestamp($0) } }
      nonmutating set { unsafe pointer.pointee.last_run_at = newValue?.pointer }
    }
  }
}

extension Proto {
  @safe struct PutRecurringJobRequest: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__PutRecurringJobRequest>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__PutRecurringJobRequest>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__PutRecurringJobRequest>.size).assumingMemoryBound(to: Gkick__V1__PutRecurringJobRequest.self)
      unsafe gkick__v1__put_recurring_job_request__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__PutRecurringJobRequest.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__put_recurring_job_request__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }

    var recurringJob: Proto.RecurringJob? {
      get { unsafe pointer.pointee.recurring_job.map { unsafe Proto.RecurringJob($0) } }
      nonmutating set { unsafe pointer.pointee.recurring_job = newValue?.pointer }
    }
  }
}

extension Proto {
  @safe struct PutRecurringJobResponse: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__PutRecurringJobResponse>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__PutRecurringJobResponse>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__PutRecurringJobResponse>.size).assumingMemoryBound(to: Gkick__V1__PutRecurringJobResponse.self)
      unsafe gkick__v1__put_recurring_job_response__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__PutRecurringJobResponse.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__put_recurring_job_response__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }

    var recurringJob: Proto.RecurringJob? {
      get { unsafe pointer.pointee.recurring_job.map { unsafe Proto.RecurringJob($0) } }
      nonmutating set { unsafe pointer.pointee.recurring_job = newValue?.pointer }
    }
  }
}

extension Proto {
  @safe struct ListRecurringJobsRequest: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__ListRecurringJobsRequest>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__ListRecurringJobsRequest>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__ListRecurringJobsRequest>.size).assumingMemoryBound(to: Gkick__V1__ListRecurringJobsRequest.self)
      unsafe gkick__v1__list_recurring_jobs_request__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__ListRecurringJobsRequest.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__list_recurring_jobs_request__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
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
  @safe struct ListRecurringJobsResponse: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__ListRecurringJobsResponse>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__ListRecurringJobsResponse>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__ListRecurringJobsResponse>.size).assumingMemoryBound(to: Gkick__V1__ListRecurringJobsResponse.self)
      unsafe gkick__v1__list_recurring_jobs_response__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__ListRecurringJobsResponse.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__list_recurring_jobs_response__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }

    var recurringJobs: MessageList<Proto.RecurringJob> {
      get { unsafe MessageList<Proto.RecurringJob>(pointer.pointee.recurring_jobs, pointer.pointee.n_recurring_jobs) }
      nonmutating set {
        unsafe pointer.pointee.recurring_jobs = newValue.start?.assumingMemoryBound(to: UnsafeMutablePointer<Gkick__V1__RecurringJob>?.self)
        unsafe pointer.pointee.n_recurring_jobs = newValue.count
      }
    }

    var nextPageToken: TextView {
      get { unsafe TextView(pointer.pointee.next_page_token) }
      nonmutating set { unsafe pointer.pointee.next_page_token = newValue.pointer }
    }
  }
}

extension Proto {
  @safe struct DeleteRecurringJobRequest: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__DeleteRecurringJobRequest>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__DeleteRecurringJobRequest>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__DeleteRecurringJobRequest>.size).assumingMemoryBound(to: Gkick__V1__DeleteRecurringJobRequest.self)
      unsafe gkick__v1__delete_recurring_job_request__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__DeleteRecurringJobRequest.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__delete_recurring_job_request__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }

    var id: TextView {
      get { unsafe TextView(pointer.pointee.id) }
      nonmutating set { unsafe pointer.pointee.id = newValue.pointer }
    }
  }
}

extension Proto {
  @safe struct DeleteRecurringJobResponse: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__DeleteRecurringJobResponse>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__DeleteRecurringJobResponse>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__DeleteRecurringJobResponse>.size).assumingMemoryBound(to: Gkick__V1__DeleteRecurringJobResponse.self)
      unsafe gkick__v1__delete_recurring_job_response__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__DeleteRecurringJobResponse.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__delete_recurring_job_response__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }
  }
}

extension Proto {
  @safe struct TriggerRecurringJobRequest: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__TriggerRecurringJobRequest>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__TriggerRecurringJobRequest>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__TriggerRecurringJobRequest>.size).assumingMemoryBound(to: Gkick__V1__TriggerRecurringJobRequest.self)
      unsafe gkick__v1__trigger_recurring_job_request__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__TriggerRecurringJobRequest.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__trigger_recurring_job_request__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }

    var id: TextView {
      get { unsafe TextView(pointer.pointee.id) }
      nonmutating set { unsafe pointer.pointee.id = newValue.pointer }
    }
  }
}

extension Proto {
  @safe struct TriggerRecurringJobResponse: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__TriggerRecurringJobResponse>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__TriggerRecurringJobResponse>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__TriggerRecurringJobResponse>.size).assumingMemoryBound(to: Gkick__V1__TriggerRecurringJobResponse.self)
      unsafe gkick__v1__trigger_recurring_job_response__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__TriggerRecurringJobResponse.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__trigger_recurring_job_response__unpack(arena.allocator, bytes.count, bytes.baseAddress)
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
  @safe struct PreviewRecurringJobRequest: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__PreviewRecurringJobRequest>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__PreviewRecurringJobRequest>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__PreviewRecurringJobRequest>.size).assumingMemoryBound(to: Gkick__V1__PreviewRecurringJobRequest.self)
      unsafe gkick__v1__preview_recurring_job_request__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__PreviewRecurringJobRequest.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__preview_recurring_job_request__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }

    var recurringJob: Proto.RecurringJob? {
      get { unsafe pointer.pointee.recurring_job.map { unsafe Proto.RecurringJob($0) } }
      nonmutating set { unsafe pointer.pointee.recurring_job = newValue?.pointer }
    }

    var after: Proto.Timestamp? {
      get { unsafe pointer.pointee.after.map { unsafe Proto.Timestamp($0) } }
      nonmutating set { unsafe pointer.pointee.after = newValue?.pointer }
    }

    var count: UInt32 {
      get { unsafe pointer.pointee.count }
      nonmutating set { unsafe pointer.pointee.count = newValue }
    }
  }
}

extension Proto {
  @safe struct PreviewRecurringJobResponse: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__PreviewRecurringJobResponse>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__PreviewRecurringJobResponse>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__PreviewRecurringJobResponse>.size).assumingMemoryBound(to: Gkick__V1__PreviewRecurringJobResponse.self)
      unsafe gkick__v1__preview_recurring_job_response__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__PreviewRecurringJobResponse.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__preview_recurring_job_response__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }

    var times: MessageList<Proto.Timestamp> {
      get { unsafe MessageList<Proto.Timestamp>(pointer.pointee.times, pointer.pointee.n_times) }
      nonmutating set {
        unsafe pointer.pointee.times = newValue.start?.assumingMemoryBound(to: UnsafeMutablePointer<Google__Protobuf__Timestamp>?.self)
        unsafe pointer.pointee.n_times = newValue.count
      }
    }
  }
}

extension Proto {
  @safe struct Limit: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__Limit>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__Limit>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__Limit>.size).assumingMemoryBound(to: Gkick__V1__Limit.self)
      unsafe gkick__v1__limit__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__Limit.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__limit__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }

    var maxRunning: UInt32 {
      get { unsafe pointer.pointee.max_running }
      nonmutating set { unsafe pointer.pointee.max_running = newValue }
    }

    var rateCount: UInt32 {
      get { unsafe pointer.pointee.rate_count }
      nonmutating set { unsafe pointer.pointee.rate_count = newValue }
    }

    var ratePeriod: Proto.Duration? {
      get { unsafe pointer.pointee.rate_period.map { unsafe Proto.Duration($0) } }
      nonmutating set { unsafe pointer.pointee.rate_period = newValue?.pointer }
    }

    var maxWaiting: UInt64 {
      get { unsafe pointer.pointee.max_waiting }
      nonmutating set { unsafe pointer.pointee.max_waiting = newValue }
    }

    var scopeCase: Gkick__V1__Limit__ScopeCase {
      get { unsafe pointer.pointee.scope_case }
      nonmutating set { unsafe pointer.pointee.scope_case = newValue }
    }

    var queue: TextView {
      get { unsafe TextView(pointer.pointee.queue) }
      nonmutating set { unsafe pointer.pointee.queue = newValue.pointer }
    }

    var concurrencyKey: TextView {
      get { unsafe TextView(pointer.pointee.concurrency_key) }
      nonmutating set { unsafe pointer.pointee.concurrency_key = newValue.pointer }
    }

    var concurrencyKeyPrefix: TextView {
      get { unsafe TextView(pointer.pointee.concurrency_key_prefix) }
      nonmutating set { unsafe pointer.pointee.concurrency_key_prefix = newValue.pointer }
    }
  }
}

extension Proto {
  @safe struct PutLimitRequest: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__PutLimitRequest>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__PutLimitRequest>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__PutLimitRequest>.size).assumingMemoryBound(to: Gkick__V1__PutLimitRequest.self)
      unsafe gkick__v1__put_limit_request__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__PutLimitRequest.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__put_limit_request__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }

    var limit: Proto.Limit? {
      get { unsafe pointer.pointee.limit.map { unsafe Proto.Limit($0) } }
      nonmutating set { unsafe pointer.pointee.limit = newValue?.pointer }
    }
  }
}

extension Proto {
  @safe struct PutLimitResponse: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__PutLimitResponse>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__PutLimitResponse>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__PutLimitResponse>.size).assumingMemoryBound(to: Gkick__V1__PutLimitResponse.self)
      unsafe gkick__v1__put_limit_response__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__PutLimitResponse.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__put_limit_response__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }
  }
}

extension Proto {
  @safe struct ListLimitsRequest: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__ListLimitsRequest>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__ListLimitsRequest>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__ListLimitsRequest>.size).assumingMemoryBound(to: Gkick__V1__ListLimitsRequest.self)
      unsafe gkick__v1__list_limits_request__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__ListLimitsRequest.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__list_limits_request__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
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
  @safe struct ListLimitsResponse: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__ListLimitsResponse>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__ListLimitsResponse>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__ListLimitsResponse>.size).assumingMemoryBound(to: Gkick__V1__ListLimitsResponse.self)
      unsafe gkick__v1__list_limits_response__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__ListLimitsResponse.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__list_limits_response__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }

    var limits: MessageList<Proto.Limit> {
      get { unsafe MessageList<Proto.Limit>(pointer.pointee.limits, pointer.pointee.n_limits) }
      nonmutating set {
        unsafe pointer.pointee.limits = newValue.start?.assumingMemoryBound(to: UnsafeMutablePointer<Gkick__V1__Limit>?.self)
        unsafe pointer.pointee.n_limits = newValue.count
      }
    }

    var usage: MessageList<Proto.LimitUsage> {
      get { unsafe MessageList<Proto.LimitUsage>(pointer.pointee.usage, pointer.pointee.n_usage) }
      nonmutating set {
        unsafe pointer.pointee.usage = newValue.start?.assumingMemoryBound(to: UnsafeMutablePointer<Gkick__V1__LimitUsage>?.self)
        unsafe pointer.pointee.n_usage = newValue.count
      }
    }

    var nextPageToken: TextView {
      get { unsafe TextView(pointer.pointee.next_page_token) }
      nonmutating set { unsafe pointer.pointee.next_page_token = newValue.pointer }
    }
  }
}

extension Proto {
  @safe struct LimitUsage: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__LimitUsage>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__LimitUsage>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__LimitUsage>.size).assumingMemoryBound(to: Gkick__V1__LimitUsage.self)
      unsafe gkick__v1__limit_usage__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__LimitUsage.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__limit_usage__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }

    var running: UInt64 {
      get { unsafe pointer.pointee.running }
      nonmutating set { unsafe pointer.pointee.running = newValue }
    }

    var waiting: UInt64 {
      get { unsafe pointer.pointee.waiting }
      nonmutating set { unsafe pointer.pointee.waiting = newValue }
    }

    var heldBack: UInt64 {
      get { unsafe pointer.pointee.held_back }
      nonmutating set { unsafe pointer.pointee.held_back = newValue }
    }

    var startedInPeriod: UInt64 {
      get { unsafe pointer.pointee.started_in_period }
      nonmutating set { unsafe pointer.pointee.started_in_period = newValue }
    }

    var keys: UInt64 {
      get { unsafe pointer.pointee.keys }
      nonmutating set { unsafe pointer.pointee.keys = newValue }
    }

    var busiestKey: TextView {
      get { unsafe TextView(pointer.pointee.busiest_key) }
      nonmutating set { unsafe pointer.pointee.busiest_key = newValue.pointer }
    }
  }
}

extension Proto {
  @safe struct DeleteLimitRequest: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__DeleteLimitRequest>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__DeleteLimitRequest>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__DeleteLimitRequest>.size).assumingMemoryBound(to: Gkick__V1__DeleteLimitRequest.self)
      unsafe gkick__v1__delete_limit_request__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__DeleteLimitRequest.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__delete_limit_request__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }

    var limit: Proto.Limit? {
      get { unsafe pointer.pointee.limit.map { unsafe Proto.Limit($0) } }
      nonmutating set { unsafe pointer.pointee.limit = newValue?.pointer }
    }
  }
}

extension Proto {
  @safe struct DeleteLimitResponse: DecodedView {
    let pointer: UnsafeMutablePointer<Gkick__V1__DeleteLimitResponse>

    init(_ pointer: UnsafeMutablePointer<Gkick__V1__DeleteLimitResponse>) { unsafe self.pointer = pointer }

    init(in arena: Arena) {
      let pointer = unsafe arena.allocate(MemoryLayout<Gkick__V1__DeleteLimitResponse>.size).assumingMemoryBound(to: Gkick__V1__DeleteLimitResponse.self)
      unsafe gkick__v1__delete_limit_response__init(pointer)
      unsafe self.pointer = pointer
    }

    init(raw: UnsafeMutableRawPointer) { unsafe pointer = raw.assumingMemoryBound(to: Gkick__V1__DeleteLimitResponse.self) }

    var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(pointer) }

    init?(decoding bytes: UnsafeBufferPointer<UInt8>, in arena: Arena) {
      let pointer = unsafe gkick__v1__delete_limit_response__unpack(arena.allocator, bytes.count, bytes.baseAddress)
      guard let pointer = unsafe pointer else { return nil }
      unsafe self.pointer = pointer
    }
  }
}

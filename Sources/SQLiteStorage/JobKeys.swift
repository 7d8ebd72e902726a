import Jobs

/// What a job is found by, as numbers: 32 bits of each text. Two texts may have the same, so who finds by them looks at the head, too.
/// They are stored: never change how they are made.
struct JobKeys: Hashable, Sendable {
  var createdAt: Timestamp
  var queue: UInt32
  var name: UInt32
  /// Of batch, concurrency key, fairness key and recurring job; 0: it has none.
  var rare = SIMD4<UInt32>()

  init(createdAt: Timestamp, queue: UInt32, name: UInt32) {
    self.createdAt = createdAt
    self.queue = queue
    self.name = name
  }

  init(createdAt: Timestamp, queue: UInt32, name: UInt32, _ options: JobOptions) {
    self.init(createdAt: createdAt, queue: queue, name: name)
    if options === JobOptions.standard { return }
    rare = SIMD4(
      Self.hash(options.batchID), Self.hash(options.concurrencyKey), Self.hash(options.fairnessKey),
      Self.hash(options.recurringJobID))
  }

  init(_ head: JobHead) {
    self.init(
      createdAt: head.createdAt, queue: Self.hash(head.job.queue), name: Self.hash(head.job.name), head.job.options)
  }

  init(_ head: HeadCodec.Found) {
    self.init(createdAt: head.createdAt, queue: Self.hash(head.queue), name: Self.hash(head.name), head.options)
  }

  /// Makes keys. Jobs come in runs of one queue and name, whose keys are not made again.
  struct Ring {
    private var queue = ""
    private var name = ""
    private var latest = JobKeys(createdAt: .distantPast, queue: 0, name: 0)

    mutating func keys(of head: JobHead) -> JobKeys {
      if head.job.queue != queue {
        queue = head.job.queue
        latest.queue = JobKeys.hash(queue)
      }
      if head.job.name != name {
        name = head.job.name
        latest.name = JobKeys.hash(name)
      }
      return JobKeys(createdAt: head.createdAt, queue: latest.queue, name: latest.name, head.job.options)
    }
  }

  mutating func setRare(_ index: Int, _ key: UInt32) { rare[index] = key }

  /// 0 only for the empty text.
  static func hash(_ text: String) -> UInt32 {
    if text.isEmpty { return 0 }
    // The bytes are the text's own, looked at while it is there.
    let sum = unsafe text.utf8Span.span.withUnsafeBytes { unsafe Checksum.of($0) }
    return sum == 0 ? 1 : sum
  }
}

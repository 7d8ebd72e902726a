import Engine

/// What waits for the engine, in the order of its ticks. A tick is bounded by jobs and bytes as well as by commands, and who sends many large batches
/// does not keep others waiting: what is small goes first, large ones wait for each other.
struct TickQueue {
  /// An enqueue of more jobs is a large one: it may be overtaken.
  static let largeFrom = 65
  /// A tick takes large ones as long as it has no more jobs than this; one is always allowed.
  static let jobsPerTick = 512
  /// So many bytes of jobs count as one more job: a tick holds about 8 MiB.
  static let bytesPerJob = 16_384

  private var small: [Command] = []
  private var large: [Command] = []
  /// Those before are taken.
  private var smallStart = 0
  private var largeStart = 0

  var isEmpty: Bool { smallStart == small.count && largeStart == large.count }

  /// Takes over the commands, and leaves an array of none with some room.
  mutating func add(_ commands: inout [Command]) {
    if isEmpty {
      small.removeAll(keepingCapacity: true)
      large.removeAll(keepingCapacity: true)
      smallStart = 0
      largeStart = 0
      if !commands.contains(where: { Self.jobs($0) >= Self.largeFrom }) { return swap(&small, &commands) }
    }
    defer { commands.removeAll(keepingCapacity: true) }
    for command in commands {
      if Self.jobs(command) >= Self.largeFrom { large.append(command) } else { small.append(command) }
    }
  }

  mutating func next(_ most: Int) -> [Command] {
    var jobs = 0
    var end = smallStart
    while end < small.count, end - smallStart < most, jobs < Self.jobsPerTick {
      jobs += Self.weight(small[end])
      end += 1
    }
    var taken = smallStart == 0 && end == small.count ? small : Array(small[smallStart..<end])
    smallStart = end
    var isFirst = true
    while largeStart < large.count, isFirst || jobs + Self.weight(large[largeStart]) <= Self.jobsPerTick {
      jobs += Self.weight(large[largeStart])
      taken.append(large[largeStart])
      largeStart += 1
      isFirst = false
    }
    closeUp()
    return taken
  }

  private mutating func closeUp() {
    if smallStart > 1_024, smallStart * 2 > small.count {
      small.removeFirst(smallStart)
      smallStart = 0
    }
    if largeStart > 64, largeStart * 2 > large.count {
      large.removeFirst(largeStart)
      largeStart = 0
    }
  }

  private static func weight(_ command: Command) -> Int {
    switch command {
    case .enqueue(let group, _, _):
      var bytes = 0
      for index in group.jobs.indices { bytes += group.jobs[index].body.count }
      return group.jobs.count + bytes / bytesPerJob
    case .audited(let command, _, _): return weight(command)
    default: return 1
    }
  }

  private static func jobs(_ command: Command) -> Int {
    switch command {
    case .enqueue(let group, _, _): group.jobs.count
    case .audited(let command, _, _): jobs(command)
    default: 1
    }
  }
}

import Engine
import Jobs

/// What waits for the engine, in the order of its ticks. A tick is bounded by jobs and bytes as well as by commands, and who sends many large batches
/// does not keep others waiting: what is small goes first, large ones wait for each other.
struct TickQueue {
  /// A tick takes large ones as long as it has no more jobs than this; one is always allowed.
  static let jobsPerTick = 512

  private var small: [Command] = []
  private var large: [Command] = []
  /// Those before are taken.
  private var smallStart = 0
  private var largeStart = 0
  /// Of the small ones that are not taken.
  private var smallWeight = 0

  var isEmpty: Bool { smallStart == small.count && largeStart == large.count }

  /// Takes over the commands, and leaves a batch of none with some room.
  mutating func add(_ batch: inout CommandBatch) {
    smallWeight += batch.weight
    if isEmpty {
      small.removeAll(keepingCapacity: true)
      large.removeAll(keepingCapacity: true)
      smallStart = 0
      largeStart = 0
      if !batch.hasLarge { return batch.exchange(&small) }
    }
    defer { batch.removeAll() }
    if !batch.hasLarge { return small += batch.commands }
    for command in batch.commands {
      if Self.isLarge(command) {
        large.append(command)
        smallWeight -= Self.weight(command)
      } else {
        small.append(command)
      }
    }
  }

  mutating func next(_ most: Int) -> [Command] {
    var jobs = 0
    var end = smallStart
    if small.count - smallStart <= most, smallWeight <= Self.jobsPerTick {
      // Mostly all of them: then none is looked at.
      jobs = smallWeight
      end = small.count
    }
    while end < small.count, end - smallStart < most, jobs < Self.jobsPerTick {
      jobs += Self.weight(small[end])
      end += 1
    }
    smallWeight -= jobs
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
    case .enqueue(let group, _, _): CommandWeight.of(group)
    case .audited(let command, _, _): weight(command)
    default: 1
    }
  }

  /// It may be overtaken.
  private static func isLarge(_ command: Command) -> Bool { jobs(command) >= CommandWeight.largeFrom }

  private static func jobs(_ command: Command) -> Int {
    switch command {
    case .enqueue(let group, _, _): group.jobs.count
    case .audited(let command, _, _): jobs(command)
    default: 1
    }
  }
}

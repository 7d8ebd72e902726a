import Engine

/// Commands in the order in which they came, and what is known of all of them together: to look at one in an array copies it, so each is
/// looked at once, when it comes.
struct CommandBatch {
  private(set) var commands: [Command] = []
  /// As a tick counts them, see `TickQueue.jobsPerTick`.
  private(set) var weight = 0
  /// One of them is a large one, see `TickQueue.largeFrom`.
  private(set) var hasLarge = false
  /// All of them may be decided on a loop: they take a few microseconds, whatever they hold and whatever there is.
  private(set) var areSmall = true

  var count: Int { commands.count }
  var isEmpty: Bool { commands.isEmpty }

  @inline(__always)
  mutating func append(_ command: consuming Command) {
    look(at: command)
    commands.append(command)
  }

  private mutating func look(at command: Command) {
    switch command {
    case .enqueue(let group, _, _):
      let jobs = group.jobs.count
      weight += TickQueue.weight(group)
      if jobs >= TickQueue.largeFrom { hasLarge = true }
      if jobs > 8 { areSmall = false }
    case .work, .fetch, .report, .connect, .disconnect, .fence, .waitForEnd, .forget: weight += 1
    case .audited(let inner, _, _):
      look(at: inner)
      areSmall = false
    default:
      weight += 1
      areSmall = false
    }
  }

  /// None are left, but for the room that they took.
  mutating func removeAll() {
    commands.removeAll(keepingCapacity: true)
    forget()
  }

  /// All of them, in exchange for others, which are known to be none.
  mutating func exchange(_ others: inout [Command]) {
    swap(&commands, &others)
    forget()
  }

  private mutating func forget() {
    weight = 0
    hasLarge = false
    areSmall = true
  }
}

import Engine
import Jobs

/// How much commands are for a tick, which is bounded by it.
enum CommandWeight {
  /// An enqueue of so many jobs is a large one.
  static let largeFrom = 65
  /// So many bytes of jobs count as one more job: a tick holds about 8 MiB.
  private static let bytesPerJob = 16_384

  static func of(_ group: EnqueueGroup) -> Int {
    var bytes = 0
    for index in group.jobs.indices { bytes += group.jobs[index].body.count }
    return group.jobs.count + bytes / bytesPerJob
  }
}

/// Commands in the order in which they came, and what is known of all of them together: to look at one in an array copies it, so each is
/// looked at once, when it comes.
struct CommandBatch {
  private(set) var commands: [Command] = []
  /// Of all of them, as a tick counts.
  private(set) var weight = 0
  /// One of them is a large one.
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
      weight += CommandWeight.of(group)
      if jobs >= CommandWeight.largeFrom { hasLarge = true }
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

/// Which way to write and sync is the quicker one at the moment: without a thread (see `DirectWriter`), which costs less, or on one.
///
/// The kernel ends an unattended write on the processor that the disk interrupts. When a program computes there, the end waits until the
/// kernel takes the processor from it, some milliseconds each time, while a thread would be woken on a processor that is free. Whether that
/// or a slow disk is the cause shows only when a thread writes: so when unattended writes are slow a few are left to it, and what is
/// quicker by far goes on. All times in seconds.
struct WritePace {
  private enum Phase {
    /// None has to be left to a thread.
    case unattended
    /// So many more are left to the thread, to see how long it takes.
    case trial(left: Int)
    case thread(until: Double)
  }

  private var phase = Phase.unattended
  private var unattended = Mean()
  private var thread = Mean()
  /// No trial before this time.
  private var nextTrial = 0.0
  /// So long the way that was found to be the better one is kept.
  private var keep = Self.shortest
  /// For tests: no unattended write is slow.
  var isTireless = false

  /// Unattended writes that take longer on average are slow.
  static let slow = 0.002
  /// One that takes so long is a disk in trouble: what follows is left to the thread at once, which may wait.
  static let hanging = 0.02
  /// A way is judged by so many writes.
  static let sample = 8
  static let shortest = 1.0
  static let longest = 60.0

  func isUnattended(at now: Double) -> Bool {
    if isTireless { return true }
    return switch phase {
    case .unattended: true
    case .trial: false
    case .thread(let end): now >= end
    }
  }

  /// The kernel refused an unattended write, or it went wrong.
  mutating func refused(at now: Double) { leave(until: now + Self.shortest) }

  /// An unattended write is done.
  mutating func wrote(in time: Double, at now: Double) {
    if time > Self.hanging { return leave(until: now + Self.shortest) }
    phase = .unattended
    unattended.add(time)
    guard unattended.count >= Self.sample else { return }
    if unattended.value <= Self.slow {
      // It has been quick for long enough that what was slow is over.
      if now >= nextTrial { keep = Self.shortest }
    } else if now >= nextTrial {
      phase = .trial(left: Self.sample)
      thread = Mean()
    }
  }

  /// A thread has written, or only synced.
  mutating func threadWrote(in time: Double, at now: Double) {
    guard case .trial(let left) = phase else { return }
    thread.add(time)
    guard left <= 1 else {
      phase = .trial(left: left - 1)
      return
    }
    let isBetter = thread.value < unattended.value / 2
    nextTrial = now + keep
    if isBetter { leave(until: nextTrial) } else { phase = .unattended }
    keep = min(2 * keep, Self.longest)
  }

  private mutating func leave(until end: Double) {
    phase = .thread(until: end)
    unattended = Mean()
  }

  /// The newest count for more.
  private struct Mean {
    private(set) var value = 0.0
    private(set) var count = 0

    mutating func add(_ time: Double) {
      count += 1
      value += (time - value) / Double(min(count, WritePace.sample))
    }
  }
}

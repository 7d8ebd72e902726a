import Engine
import Jobs

/// The commands that wait for the engine: filled by all loops, emptied by one thread.
final class Mailbox: @unchecked Sendable {  // Everything mutable is touched with the gate's lock held.
  enum Push {
    case accepted
    /// Accepted, but streams should not be read until the mailbox says so.
    case pressed
    /// Not accepted.
    case full
    /// Not accepted: the engine has stopped.
    case closed
  }

  private let gate = Gate()
  private let limits: HostLimits
  private var commands: [Command] = []
  private var outcomes: [StorageDesk.Outcome] = []
  private var bytes = 0
  /// Commands that the engine's thread took out but has not begun.
  private var taken = 0
  private var takenBytes = 0
  /// The engine's thread sleeps until so many wait.
  private var wakeAt = Int.max
  private var isClosed = false
  private var isPressed = false
  private var refused: UInt64 = 0

  init(limits: HostLimits) { self.limits = limits }

  /// - Parameters:
  ///   - size: bytes of body that the command carries.
  ///   - mustFit: an outcome or a goodbye, which is never refused: its sender is slowed down instead.
  func push(_ command: consuming Command, size: Int, mustFit: Bool) -> Push {
    gate.lock()
    if isClosed {
      gate.unlock()
      return .closed
    }
    let isOver = commands.count + taken >= limits.commands || bytes + takenBytes + size > limits.commandBytes
    if isOver {
      isPressed = true
      if !mustFit {
        refused += 1
        gate.unlock()
        return .full
      }
    }
    commands.append(command)
    bytes += size
    let wake = commands.count >= wakeAt
    if wake { wakeAt = .max }
    gate.unlock()
    if wake { gate.signal() }
    return isOver ? .pressed : .accepted
  }

  /// What the storage has done.
  func push(_ outcome: StorageDesk.Outcome) {
    gate.lock()
    outcomes.append(outcome)
    let wake = wakeAt != .max
    wakeAt = .max
    gate.unlock()
    if wake { gate.signal() }
  }

  /// All that waits, in exchange for an empty array; sleeps for at most `wait` microseconds (nil: any time) when there is nothing,
  /// or as long as `gathering` says for more.
  /// - Returns: false when closed and empty.
  func take(
    into batch: inout [Command], _ done: inout [StorageDesk.Outcome], wait: Int64?, inFlight: Bool,
    gathering: inout Gathering
  ) -> Bool {
    batch.removeAll(keepingCapacity: true)
    done.removeAll(keepingCapacity: true)
    gate.lock()
    defer { gate.unlock() }
    let before = commands.count
    if outcomes.isEmpty, let plan = gathering.plan(waiting: before), !isClosed,
      wait.map({ $0 > plan.microseconds }) ?? true
    {
      sleep(until: before + plan.more, microseconds: plan.microseconds)
      gathering.gathered(commands.count - before, of: plan.more)
    }
    if commands.isEmpty, outcomes.isEmpty, !isClosed || inFlight, wait.map({ $0 > 0 }) ?? true {
      sleep(until: 1, microseconds: wait)
    }
    swap(&commands, &batch)
    swap(&outcomes, &done)
    taken += batch.count
    takenBytes += bytes
    bytes = 0
    return inFlight || !(isClosed && batch.isEmpty && done.isEmpty)
  }

  /// With the lock held: until so many commands wait, or not so long, or without reason.
  private func sleep(until count: Int, microseconds: Int64?) {
    wakeAt = count
    if let microseconds { gate.wait(microseconds: microseconds) } else { gate.wait() }
    wakeAt = .max
  }

  /// The engine begins with `count` of what it took.
  /// - Returns: whether streams that stopped being read may go on.
  func begin(_ count: Int) -> Bool {
    gate.lock()
    defer { gate.unlock() }
    if taken > 0 { takenBytes -= takenBytes / taken * min(count, taken) }
    taken -= count
    if taken <= 0 {
      taken = 0
      takenBytes = 0
    }
    guard isPressed, commands.count + taken <= limits.commands / 2, bytes + takenBytes <= limits.commandBytes / 2 else {
      return false
    }
    isPressed = false
    return true
  }

  /// Has `take` return if it sleeps, though with nothing: a sign of life is asked for. Without the lock, which may be what somebody hangs on.
  func knock() { gate.signal() }

  func close() {
    gate.lock()
    isClosed = true
    gate.unlock()
    gate.signal()
  }

  var figures: (waiting: Int, refused: UInt64) {
    gate.lock()
    defer { gate.unlock() }
    return (commands.count + taken, refused)
  }
}

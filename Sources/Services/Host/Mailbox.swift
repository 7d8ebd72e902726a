import Engine
import Glibc
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

  private let gate: Gate
  private let limits: HostLimits
  private var commands = CommandBatch()
  private var outcomes: [StorageDesk.Outcome] = []
  private var bytes = 0
  /// Commands that were taken out but not begun.
  private var taken = 0
  private var takenBytes = 0
  /// The engine's thread sleeps until so many wait; `awake`: it does not sleep.
  private var wakeAt = Mailbox.awake
  /// When the engine wants to be called though nobody asks, on the steady clock; nil: never.
  private var alarm: Int64?
  /// When its thread wakes by itself, if it sleeps.
  private var sleepsUntil = Int64.max
  private var gathering = Gathering()
  private var isClosed = false
  /// Something is on its way to the storage, or was taken out and not begun.
  private var isBusy = false
  private var isPressed = false
  private var refused: UInt64 = 0
  /// Told when there is something, where no thread sleeps here.
  private var announce: (@Sendable () -> Void)?

  private static let awake = Int.max
  /// So many commands are few enough for the loop that they came to.
  static let few = 8

  /// - Parameter clock: a test's, in microseconds; nil: the steady one.
  init(limits: HostLimits, clock: (@Sendable () -> Int64)? = nil) {
    self.limits = limits
    gate = Gate(clock: clock)
  }

  /// - Parameters:
  ///   - size: bytes of body that the command carries.
  ///   - mustFit: an outcome or a goodbye, which is never refused: its sender is slowed down instead.
  ///   - quietly: the caller will see to it that it is taken soon: the engine's thread may sleep on.
  func push(_ command: consuming Command, size: Int, mustFit: Bool, quietly: Bool = false) -> Push {
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
    let wake = commands.count >= wakeAt && !(quietly && wakeAt == 1)
    if wake { wakeAt = Self.awake }
    let announce = announce
    gate.unlock()
    if wake { announce?() ?? gate.signal() }
    return isOver ? .pressed : .accepted
  }

  /// What the storage has done. Wakes nobody: see `wake`.
  func push(_ outcome: StorageDesk.Outcome) {
    gate.lock()
    outcomes.append(outcome)
    gate.unlock()
  }

  /// Wakes the engine's thread for what was pushed quietly, if it sleeps.
  func wake() {
    gate.lock()
    let wake = wakeAt != Self.awake && (!outcomes.isEmpty || commands.count >= wakeAt)
    if wake { wakeAt = Self.awake }
    let announce = announce
    gate.unlock()
    if wake { announce?() ?? gate.signal() }
  }

  // MARK: The engine's thread

  /// Sleeps until there is something to do, or the alarm rings, or as long as it is worth waiting for more.
  /// - Returns: false when closed and all is done.
  func wait() -> Bool {
    gate.lock()
    defer { gate.unlock() }
    gather()
    let isIdle = commands.isEmpty && outcomes.isEmpty && (!isClosed || isBusy)
    if isIdle, alarm.map({ $0 > gate.now }) ?? true {
      sleep(for: 1, until: alarm)
      gather()
    }
    return isBusy || !(isClosed && commands.isEmpty && outcomes.isEmpty)
  }

  /// Instead of a thread that sleeps here: `announce` is called, on any thread, when there is something after `takeAtOnce` found nothing.
  func startInline(_ announce: @escaping @Sendable () -> Void) {
    gate.lock()
    self.announce = announce
    wakeAt = 1
    gate.unlock()
  }

  /// All that waits, in exchange for what holds nothing.
  /// - Returns: whether there was anything.
  func takeAtOnce(into batch: inout CommandBatch, _ done: inout [StorageDesk.Outcome]) -> Bool {
    gate.lock()
    defer { gate.unlock() }
    swap(&commands, &batch)
    swap(&outcomes, &done)
    noteTaken(batch.count)
    let isAny = !batch.isEmpty || !done.isEmpty
    wakeAt = isAny ? Self.awake : 1
    return isAny
  }

  /// With the lock held: waits for more commands, if that pays.
  private func gather() {
    let before = commands.count
    guard outcomes.isEmpty, !isClosed, let plan = gathering.plan(waiting: before) else { return }
    let end = gate.now + plan.microseconds
    if let alarm, alarm <= end { return }
    gathering.begin()
    sleep(for: before + plan.more, until: end)
    gathering.gathered(commands.count - before, of: plan.more)
  }

  /// With the lock held: until so many commands wait, or until a time, or without reason.
  private func sleep(for count: Int, until time: Int64?) {
    sleepsUntil = time ?? .max
    wakeAt = count
    if let time { gate.wait(until: time) } else { gate.wait() }
    wakeAt = Self.awake
  }

  // MARK: Who has the turn

  /// All that waits, in exchange for what holds nothing.
  func take(into batch: inout CommandBatch, _ done: inout [StorageDesk.Outcome]) {
    gate.lock()
    swap(&commands, &batch)
    swap(&outcomes, &done)
    noteTaken(batch.count)
    gate.unlock()
  }

  /// What the storage has done, in exchange for an empty array.
  func take(_ done: inout [StorageDesk.Outcome]) {
    gate.lock()
    swap(&outcomes, &done)
    gate.unlock()
  }

  /// What waits, in exchange for an empty batch, if it is little, the engine's thread sleeps, and it is not worth waiting for more.
  func takeFew(into batch: inout CommandBatch) -> Bool {
    gate.lock()
    defer { gate.unlock() }
    guard wakeAt == 1, !isClosed, outcomes.isEmpty, !commands.isEmpty, commands.count <= Self.few,
      gathering.plan(waiting: commands.count) == nil, commands.areSmall
    else { return false }
    swap(&commands, &batch)
    noteTaken(batch.count)
    return true
  }

  /// With the lock held.
  private func noteTaken(_ count: Int) {
    taken += count
    takenBytes += bytes
    bytes = 0
  }

  /// When the engine wants to be called though nobody asks, and whether it waits for the storage.
  func note(alarm: Int64?, isBusy: Bool) {
    gate.lock()
    self.alarm = alarm
    self.isBusy = isBusy
    let wake = wakeAt != Self.awake && (isClosed || alarm.map { $0 < sleepsUntil } ?? false)
    gate.unlock()
    if wake { gate.signal() }
  }

  /// So much was said after a commit that took so long.
  func committed(answered: Int, microseconds: Int64) {
    gate.lock()
    gathering.committed(answered: answered, microseconds: microseconds)
    gate.unlock()
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

  /// Has `wait` return if it sleeps, though with nothing: a sign of life is asked for. Without the lock, which may be what somebody hangs on.
  func knock() { gate.signal() }

  func close() {
    gate.lock()
    isClosed = true
    gate.unlock()
    gate.signal()
  }

  // MARK: For tests

  /// The clock was turned: whoever slept until then wakes.
  func clockTurned() {
    gate.lock()
    if wakeAt != Self.awake, sleepsUntil <= gate.now {
      wakeAt = Self.awake
      gate.signal()
    }
    gate.unlock()
  }

  var isAsleep: Bool {
    gate.lock()
    defer { gate.unlock() }
    return wakeAt != Self.awake
  }

  var figures: (waiting: Int, refused: UInt64) {
    gate.lock()
    defer { gate.unlock() }
    return (commands.count + taken, refused)
  }
}

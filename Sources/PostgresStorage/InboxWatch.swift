/// Whether producers notify the leader of what they put in. PostgreSQL commits transactions that notify one after the other, each with a sync
/// of its own, so while much arrives the leader looks every few milliseconds and relieves them of it.
///
/// Nothing may be left lying by that. Each producer puts its row in first and asks then whether the leader looks by itself; it holds a lock on the
/// table from before until its transaction is over. So when the leader has said that it relies on notifications again, those that may not have
/// notified are among those that hold that lock after it: until the last of them is over it looks by itself as before. A leader that comes
/// does not know what producers were told: it looks by itself until it has said so.
struct InboxWatch {
  enum Step: Equatable {
    /// Wait for a notification, at most so long; then look.
    case wait(Duration)
    /// Say that producers need not notify.
    case relieve
    /// Say that producers are to notify, and ask who puts in at that time.
    case rely
  }

  private enum Mode: Equatable {
    /// What producers were told is not known.
    case unknown
    /// They notify.
    case relying
    /// They need not.
    case watching
    /// They notify, but for these transactions.
    case leaving(Set<String>, since: ContinuousClock.Instant)
  }

  typealias Instant = ContinuousClock.Instant

  /// Between two looks while producers need not notify, and after one that found something. What arrives meanwhile is taken in with one commit.
  static let pause = Duration.milliseconds(5)
  /// The same while only transactions that stay open may not notify: at first, and after a second.
  static let pauses = (soon: Duration.milliseconds(10), late: Duration.milliseconds(50))
  /// What is counted is what arrived within this, and within the one before.
  static let span = Duration.milliseconds(500)
  /// Within one span: from so much on producers are relieved; below so little within two they notify again.
  static let (much, little) = (100, 50)

  private var mode = Mode.unknown
  private var spanBegan: Instant?
  private var arrived = 0
  private var arrivedBefore = 0
  private var foundSome = false

  var isLeaving: Bool { if case .leaving = mode { true } else { false } }
  var isRelying: Bool { mode == .relying }
  var isWatching: Bool { mode == .watching }

  /// After a look.
  mutating func found(_ items: Int, at now: Instant) {
    roll(now)
    arrived += items
    foundSome = items > 0
  }

  mutating func forget() { mode = .unknown }

  /// What was found is taken in: what to do next.
  /// - Parameter poll: the longest wait while producers notify.
  mutating func next(at now: Instant, poll: Duration) -> Step {
    roll(now)
    let isBusy = arrived >= Self.much
    switch mode {
    case .watching: return arrived < Self.little && arrivedBefore < Self.little ? .rely : .wait(Self.pause)
    case .unknown: return isBusy ? .relieve : .rely
    case .relying: return isBusy ? .relieve : .wait(foundSome ? min(poll, Self.pause) : poll)
    case .leaving(_, let since):
      return isBusy ? .relieve : .wait(min(poll, now - since < .seconds(1) ? Self.pauses.soon : Self.pauses.late))
    }
  }

  mutating func relieved() { mode = .watching }

  /// - Parameter open: transactions that put in, asked for after producers were told. To look once more is due now.
  mutating func relied(on open: [String], at now: Instant) {
    mode = open.isEmpty ? .relying : .leaving(Set(open), since: now)
  }

  /// - Parameter open: transactions that put in. To look once more is due now.
  mutating func stillOpen(_ open: [String]) {
    guard case .leaving(let left, let since) = mode else { return }
    let both = left.intersection(open)
    mode = both.isEmpty ? .relying : .leaving(both, since: since)
  }

  private mutating func roll(_ now: Instant) {
    guard let began = spanBegan else {
      spanBegan = now
      return
    }
    let passed = now - began
    guard passed >= Self.span else { return }
    arrivedBefore = passed >= Self.span * 2 ? 0 : arrived
    arrived = 0
    spanBegan = now
  }
}

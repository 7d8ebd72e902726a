/// When the engine waits a moment although there is something to do.
///
/// A commit that many callers waited for is followed by their next commands, all at about the same time. Without waiting, the first
/// of them would begin a tick of its own, the others would miss it, and from then on two halves take turns, each with a sync to itself. A
/// wait no longer than the two ticks that it makes one brings them together. It never happens when few were answered, so nobody who is
/// alone is kept waiting; when some do not come back, fewer are waited for; and when most do not, it is not tried again for a while.
struct Gathering {
  /// Callers told by one commit, at least, that a wait may pay for.
  static let fewest = 8
  static let longest: Int64 = 2_000
  /// Shorter ones cost more than they bring.
  static let shortest: Int64 = 50
  /// A tick of so many commands is full enough.
  static let enough = 128
  /// How many of 64 that were answered are waited for, at least and at most.
  static let shares = 32...56

  /// Microseconds that a tick takes, about, its commit included.
  private var tick: Int64 = 0
  private var answered = 0
  private var share = Gathering.shares.upperBound
  /// Ticks to go without waiting, and how many the next failure makes it.
  private var pause = 0
  private var penalty = 1

  /// A tick is over.
  /// - Parameter answered: to how many callers it said something after its commit.
  mutating func committed(answered: Int, microseconds: Int64) {
    tick = tick == 0 ? microseconds : (3 * tick + microseconds) / 4
    self.answered = answered
    if pause > 0 { pause -= 1 }
  }

  /// How many more commands to wait for before the next tick, when so many wait already, and how long at most; nil: not at all.
  func plan(waiting: Int) -> (more: Int, microseconds: Int64)? {
    let limit = min(2 * tick, Self.longest)
    let more = min(answered * share / 64, Self.enough - waiting)
    return answered < Self.fewest || pause > 0 || limit < Self.shortest || more <= 0 ? nil : (more, limit)
  }

  /// Those that were answered are waited for now, not again.
  mutating func begin() { answered = 0 }

  /// So many came of those that were waited for.
  mutating func gathered(_ count: Int, of wanted: Int) {
    if count * 2 < wanted {
      pause = penalty
      penalty = min(penalty * 2, 64)
      return
    }
    penalty = 1
    // Fewer at once, more little by little: a wait in vain costs more than one a little too short.
    let next = count < wanted ? share - 8 : share + 1
    share = min(max(next, Self.shares.lowerBound), Self.shares.upperBound)
  }
}

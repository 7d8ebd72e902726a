/// When the engine waits a moment although there is something to do.
///
/// A commit that many callers waited for is followed by their next commands, all at about the same time. Without waiting, the first
/// of them would begin a tick of its own, the others would miss it, and from then on two halves take turns, each with a sync to itself. A
/// wait that is short beside a commit brings them together. It never happens when few were answered, so nobody who is
/// alone is kept waiting; and when nobody comes, it is not tried again for a while.
struct Gathering {
  /// Callers told by one commit, at least, that a wait may pay for.
  static let fewest = 8
  static let longest: Int64 = 1_000
  /// Shorter ones cost more than they bring.
  static let shortest: Int64 = 50

  /// Microseconds that a commit takes, about.
  private var commit: Int64 = 0
  private var answered = 0
  /// Ticks to go without waiting, and how many the next failure makes it.
  private var pause = 0
  private var penalty = 1

  /// A tick is over.
  /// - Parameter answered: to how many callers it said something after its commit.
  mutating func committed(answered: Int, microseconds: Int64) {
    commit = commit == 0 ? microseconds : (3 * commit + microseconds) / 4
    self.answered = answered
    if pause > 0 { pause -= 1 }
  }

  /// How many more commands to wait for before the next tick, and how long at most; nil: not at all.
  var plan: (more: Int, microseconds: Int64)? {
    let limit = min(commit, Self.longest)
    return answered < Self.fewest || pause > 0 || limit < Self.shortest ? nil : (answered * 3 / 4, limit)
  }

  /// So many came of those that were waited for.
  mutating func gathered(_ count: Int, of wanted: Int) {
    answered = 0
    if count * 2 >= wanted {
      penalty = 1
    } else {
      pause = penalty
      penalty = min(penalty * 2, 64)
    }
  }
}

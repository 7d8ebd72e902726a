/// How long each of some threads has stood still: a state machine that is told what was seen of them, and when. It reads no clock.
struct StandstillClock {
  enum Finding: Equatable {
    /// Told once per standstill.
    case stands(Int, seconds: Int64)
    case moves(Int, after: Int64)
    /// It has stood still for so long that there is no hope. Given once; nothing follows it.
    case hopeless(Int, seconds: Int64)
  }

  private struct Watched {
    var beats: UInt64
    var movedAt: Int64
    var isTold = false
  }

  private let patience: Int64
  private let limit: Int64?
  private var watched: [Watched] = []
  private var lastLook: Int64?
  private var isOver = false

  /// Milliseconds, all of them.
  /// - Parameter patience: a standstill of so long is told.
  /// - Parameter limit: and one of so long is the end; nil: never.
  init(patience: Int64, limit: Int64?) {
    self.patience = patience
    self.limit = limit
  }

  /// Who stands still now, and for how many seconds.
  func standing(now: Int64) -> [(index: Int, seconds: Int64)] {
    watched.indices.filter { watched[$0].isTold }.map { ($0, (now - watched[$0].movedAt) / 1_000) }
  }

  /// To be called about every second.
  /// - Parameter beats: one count for each thread, always in the same order; a count changes when its thread gets somewhere.
  mutating func look(_ beats: [UInt64], now: Int64) -> [Finding] {
    if isOver { return [] }
    // Who looks that late was itself away, suspended or without a processor, and so were those it watches.
    let passed = now - (lastLook ?? now)
    let away = passed > 3_000 ? passed - 1_000 : 0
    lastLook = now
    var findings: [Finding] = []
    for (index, beats) in beats.enumerated() {
      guard index < watched.count else {
        watched.append(Watched(beats: beats, movedAt: now))
        continue
      }
      watched[index].movedAt += away
      let stood = now - watched[index].movedAt
      if beats != watched[index].beats {
        if watched[index].isTold { findings.append(.moves(index, after: stood / 1_000)) }
        watched[index] = Watched(beats: beats, movedAt: now)
      } else if let limit, stood >= limit {
        isOver = true
        return findings + [.hopeless(index, seconds: stood / 1_000)]
      } else if stood >= patience, !watched[index].isTold {
        watched[index].isTold = true
        findings.append(.stands(index, seconds: stood / 1_000))
      }
    }
    return findings
  }
}

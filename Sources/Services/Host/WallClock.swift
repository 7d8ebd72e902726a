import Glibc
import Jobs

/// The wall clock, made fit for the engine: it never goes back. When the system's clock is set back, it goes on at the pace of
/// the monotonic clock from where it was.
struct WallClock {
  private var last: Timestamp
  private var lastMonotonic: Int64

  init() {
    last = Timestamp(microseconds: WallClock.read(CLOCK_REALTIME))
    lastMonotonic = WallClock.read(CLOCK_MONOTONIC)
  }

  mutating func now() -> Timestamp {
    let monotonic = WallClock.read(CLOCK_MONOTONIC)
    let wall = Timestamp(microseconds: WallClock.read(CLOCK_REALTIME))
    last = wall >= last ? wall : last + Interval(microseconds: max(0, monotonic - lastMonotonic))
    lastMonotonic = monotonic
    return last
  }

  /// Microseconds; for spans of time the monotonic clock.
  static func read(_ clock: clockid_t) -> Int64 {
    var time = timespec()
    // Writes the struct given; fails only for clocks that do not exist.
    unsafe clock_gettime(clock, &time)
    return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000
  }
}

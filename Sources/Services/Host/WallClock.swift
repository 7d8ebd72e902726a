import Glibc

/// The system's clocks.
package enum WallClock {
  /// Microseconds; for spans of time the monotonic clock.
  package static func read(_ clock: clockid_t) -> Int64 {
    var time = timespec()
    // Writes the struct given; fails only for clocks that do not exist.
    unsafe clock_gettime(clock, &time)
    return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000
  }
}

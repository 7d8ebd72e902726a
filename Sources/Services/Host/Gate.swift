import Glibc

/// A mutex with one condition: what a thread sleeps on until there is work or until a time.
// Sendable unchecked: a mutex is made to be shared; both pointers are constant from init to deinit.
@safe final class Gate: @unchecked Sendable {
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private let condition: UnsafeMutablePointer<pthread_cond_t>
  /// A test's clock, which wakes nobody by itself; nil: the system's steady one.
  private let clock: (@Sendable () -> Int64)?

  /// - Parameter clock: microseconds of a clock that a test turns; whoever turns it then has those that sleep look at it, by `broadcast`.
  init(clock: (@Sendable () -> Int64)? = nil) {
    self.clock = clock
    unsafe mutex = .allocate(capacity: 1)
    unsafe mutex.initialize(to: pthread_mutex_t())
    unsafe pthread_mutex_init(mutex, nil)
    unsafe condition = .allocate(capacity: 1)
    unsafe condition.initialize(to: pthread_cond_t())
    var attributes = pthread_condattr_t()
    // Waits are spans of time: a clock that is set must not stretch them.
    unsafe pthread_condattr_init(&attributes)
    unsafe pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
    unsafe pthread_cond_init(condition, &attributes)
    unsafe pthread_condattr_destroy(&attributes)
  }

  deinit {
    unsafe pthread_cond_destroy(condition)
    unsafe pthread_mutex_destroy(mutex)
    unsafe condition.deallocate()
    unsafe mutex.deallocate()
  }

  // The pointers are valid as long as this object; pthread's functions may be called from any thread.
  func tryLock() -> Bool { unsafe pthread_mutex_trylock(mutex) == 0 }
  func lock() { unsafe pthread_mutex_lock(mutex) }
  func unlock() { unsafe pthread_mutex_unlock(mutex) }
  func signal() { unsafe pthread_cond_signal(condition) }
  func broadcast() { unsafe pthread_cond_broadcast(condition) }

  /// To be called with the lock held. May return without reason.
  func wait() { unsafe pthread_cond_wait(condition, mutex) }

  /// The same, at most so many microseconds.
  func wait(microseconds: Int64) { wait(until: now + max(0, microseconds)) }

  /// On the steady clock.
  var now: Int64 { clock?() ?? WallClock.read(CLOCK_MONOTONIC) }

  /// The same, until a time on the steady clock.
  func wait(until end: Int64) {
    if let clock {
      if clock() < end { wait() }
      return
    }
    let end = max(0, end)
    var time = timespec(tv_sec: Int(end / 1_000_000), tv_nsec: Int(end % 1_000_000) * 1_000)
    unsafe pthread_cond_timedwait(condition, mutex, &time)
  }
}

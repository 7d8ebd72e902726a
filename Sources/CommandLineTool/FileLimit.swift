import Glibc

/// Each connection, and each pipe of a program, is an open file; the soft limit that shells give is made for other programs.
enum FileLimit {
  /// - Returns: how many files may be open now.
  @discardableResult static func raise() -> Int {
    var limit = rlimit()
    // Both calls only use the value they are given the address of.
    guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 1_024 }
    limit.rlim_cur = limit.rlim_max
    _ = unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    return Int(clamping: limit.rlim_cur)
  }
}

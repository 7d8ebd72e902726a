import Glibc

/// What the system says about this process.
struct ProcessFigures {
  var cpuSeconds: Double
  var residentBytes: UInt64
  var openFiles: UInt64
  /// How many may be open.
  var maxFiles: UInt64

  static func read() -> ProcessFigures {
    var usage = rusage()
    // Fills the value it is given the address of.
    _ = unsafe getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    let cpu =
      Double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
      + Double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6
    return ProcessFigures(cpuSeconds: cpu, residentBytes: resident(), openFiles: descriptors(), maxFiles: limit())
  }

  private static func limit() -> UInt64 {
    var limit = rlimit()
    // Fills the value it is given the address of.
    return unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 ? UInt64(limit.rlim_cur) : 0
  }

  /// From the second number of /proc/self/statm, in pages.
  private static func resident() -> UInt64 {
    // The literal is a static, NUL-terminated string.
    let file = unsafe open("/proc/self/statm", O_RDONLY)
    guard file >= 0 else { return 0 }
    defer { close(file) }
    var bytes = [UInt8](repeating: 0, count: 128)
    let count = unsafe bytes.withUnsafeMutableBytes { buffer in
      // Reads at most as much as the buffer holds.
      unsafe Glibc.read(file, buffer.baseAddress, buffer.count)
    }
    guard count > 0 else { return 0 }
    let fields = String(decoding: bytes[..<count], as: UTF8.self).split(separator: " ")
    guard fields.count > 1, let pages = UInt64(fields[1]) else { return 0 }
    return pages * UInt64(sysconf(Int32(_SC_PAGESIZE)))
  }

  private static func descriptors() -> UInt64 {
    guard let directory = unsafe opendir("/proc/self/fd") else { return 0 }
    // The stream is ours until closed here.
    defer { unsafe _ = closedir(directory) }
    var count: UInt64 = 0
    while unsafe readdir(directory) != nil { count += 1 }
    // Not ".", ".." and the stream's own.
    return count > 3 ? count - 3 : 0
  }
}

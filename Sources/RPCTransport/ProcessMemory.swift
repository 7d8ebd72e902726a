import CMalloc

/// How the process keeps memory that was freed. For executables; a library leaves that to them.
public enum ProcessMemory {
  private static let large: Int32 = 256 * 1024

  /// Large buffers go back to the system when they are freed. Otherwise glibc raises its threshold for that with each of them, and after a burst of
  /// large messages the process keeps what the burst took.
  public static func returnLargeBuffers() {
    _ = mallopt(M_MMAP_THRESHOLD, large)
    _ = mallopt(M_TRIM_THRESHOLD, large)
  }
}

/// How much may wait inside the server.
public struct HostLimits: Sendable {
  /// Commands that wait for the engine; beyond it unary calls are refused and streams are not read.
  public var commands = 16_384
  /// Bytes of job bodies and results among them.
  public var commandBytes = 64 << 20
  /// Commands in one tick.
  public var commandsPerTick = 512
  /// Look-ups that wait for a reader thread; beyond it calls are refused.
  public var reads = 4_096
  public var readerThreads = 2

  public init() {}
}

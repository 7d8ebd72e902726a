import NIOCore

/// Memory that all sessions of one event loop share, because a session uses it only from `receive` or `produce` until its events are
/// handled: an idle connection owns none of it.
public final class HTTP2Scratch {
  /// What the last `receive` or `produce` had to tell, in order. Taken by whoever drives the session.
  public internal(set) var events: [HTTP2Event] = []
  /// Header blocks of those events.
  public internal(set) var arena: ByteBuffer
  /// The header block that is arriving.
  var fields = FieldCollector()
  let frame = FrameLoan()
  /// Empty buffers of ended streams, for the next ones.
  private var pool: [ByteBuffer] = []

  private static let maxPooled = 128
  private static let maxPooledCapacity = 4096
  private static let maxArena = 128 * 1024

  public init() {
    arena = ByteBufferAllocator().buffer(capacity: 8192)
    events.reserveCapacity(256)
  }

  /// Forgets what the last `receive` left. A slice that somebody kept stays valid: the arena is then a new one.
  public func reset() {
    events.removeAll(keepingCapacity: events.capacity <= 4096)
    if arena.capacity > Self.maxArena {
      arena = ByteBufferAllocator().buffer(capacity: 8192)
    } else {
      arena.clear(minimumCapacity: 8192)
    }
  }

  /// The fields of one block. The slice keeps its arena alive; whoever stores it long should copy it.
  public func fields(_ block: HTTP2HeaderBlock) -> ByteBuffer {
    arena.getSlice(at: Int(block.offset), length: Int(block.length)) ?? ByteBuffer()
  }

  /// Takes the events out, so that handling them may cause new ones.
  public func takeEvents(into other: inout [HTTP2Event]) {
    swap(&events, &other)
    events.removeAll(keepingCapacity: true)
  }

  public func takeBuffer() -> ByteBuffer {
    pool.popLast() ?? ByteBufferAllocator().buffer(capacity: 256)
  }

  /// Keeps a small buffer for reuse, if nobody else holds it.
  public func giveBack(_ buffer: consuming ByteBuffer) {
    guard pool.count < Self.maxPooled, buffer.capacity > 0, buffer.capacity <= Self.maxPooledCapacity else { return }
    buffer.clear()
    pool.append(buffer)
  }
}

import NIOCore

/// What a session keeps of one stream: where it is in its life, and what still has to go out.
struct StreamSlot {
  struct Flags: OptionSet {
    let rawValue: UInt16
    /// The owner was told of the stream.
    static let announced = Flags(rawValue: 1 << 0)
    /// Our header block was submitted.
    static let headSubmitted = Flags(rawValue: 1 << 1)
    /// The peer ended its side.
    static let remoteClosed = Flags(rawValue: 1 << 2)
    /// libnghttp2 was told to wait for more data.
    static let deferred = Flags(rawValue: 1 << 3)
    /// libnghttp2 has forgotten the stream.
    static let closed = Flags(rawValue: 1 << 4)
    /// The owner was told, or could see, that the stream is not writable.
    static let aboveLimit = Flags(rawValue: 1 << 5)
    /// A request that never left this side.
    static let notSent = Flags(rawValue: 1 << 6)
    /// Nothing more may be queued.
    static let finishing = Flags(rawValue: 1 << 7)
    /// The end of the answer is to be followed by RST_STREAM NO_ERROR.
    static let endsEarly = Flags(rawValue: 1 << 8)
  }

  /// What follows the last byte of the outbox.
  enum Finish {
    case open
    case end
    case fixedTrailers(HTTP2StaticHeaders)
    case trailers(HTTP2HeaderList)
  }

  /// 0 while the slot is free.
  var id: Int32 = 0
  var flags: Flags = []
  /// nil: nothing waits. (An empty buffer would do, but all empty ones are one object, whose references all loops count.)
  var outbox: ByteBuffer?
  var finish = Finish.open

  /// Bytes that wait.
  var waiting: Int { outbox?.readableBytes ?? 0 }

  /// Makes the slot free. Nothing waits in the outbox of a stream that is gone.
  mutating func clear() {
    id = 0
    flags = []
    outbox = nil
    finish = .open
  }
}

import Jobs

/// What a server accepts beyond what the contract itself says.
public struct Bounds: Sendable {
  /// Bytes of one job's payload.
  public var payload: Int
  /// Bytes of one result: as many, and no more than fit into a message.
  public var result: Int { min(payload, MessageSize.most - Bounds.reserve) }
  /// Jobs may wait for others.
  public var takesDependencies: Bool

  public init(payload: Int = 1 << 20, takesDependencies: Bool = true) {
    self.payload = payload
    self.takesDependencies = takesDependencies
  }

  /// Bytes of a message to a client that are kept free for what stands around one job or one result.
  static let reserve = 64 << 10
  /// Bytes of an answer's results that one Report may ask for.
  static let reported = 3 << 20

  // The contract's numbers, and ours where it names none; all in bytes of UTF-8 unless said otherwise.
  static let id = 128
  static let name = 256
  static let uniqueKey = 512
  static let key = 512
  static let contentType = 256
  static let metadataEntries = 64
  static let metadataBytes = 16 << 10
  static let reason = 1 << 10
  /// Longer texts of failures and progress are cut, not refused: a report must not be lost for its length.
  static let failureType = 1 << 10
  static let failureMessage = 8 << 10
  static let backtrace = 32 << 10
  static let progressMessage = 1 << 10
  static let subscriptions = 1_000
  static let names = 10_000
  static let labels = 64
  static let labelBytes = 16 << 10
  /// Entries of each filter of StreamEvents.
  static let filter = 10_000
  static let leases = 20_000
  static let inFlight: UInt32 = 10_000
  static let dependencies = 100
  static let batch = 1_000
  static let page: UInt32 = 1_000
  static let queuePage: UInt32 = 10_000
  static let fetch: UInt32 = 1_000
  static let century: Int64 = 100 * 366 * 86_400
}

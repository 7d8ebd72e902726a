/// What one kind of job needs to know, and how its jobs are treated unless an enqueue says otherwise. Enough for a producer; a
/// program that also runs the job usually conforms to ``Job``, which adds `run`.
///
///     struct ResizeImage: JobParameters {
///       static let name = "image.resize"
///       static var queue: String { "images" }
///       var path: String
///       var width: Int
///     }
public protocol JobParameters: Codable, Sendable {
  /// What a run of the job gives; whoever waits for the job gets it. `Void`, or something `Codable`.
  associatedtype Output: Sendable = Void

  /// Which kind of job it is, the same for producers and workers. 1 to 256 bytes; never change it while such jobs are stored.
  static var name: String { get }
  /// "default" unless the type says otherwise.
  static var queue: String { get }
  /// -100...100, higher first; 0 unless the type says otherwise.
  static var priority: Int { get }
  /// Unless the type says otherwise: 20 attempts, waits from one second doubling up to an hour.
  static var retry: RetryPolicy { get }
  /// The time one attempt may take; `nil`: as long as the worker stays connected.
  static var timeout: Duration? { get }
  /// How long the finished job can be looked up; `nil`: as the server is configured.
  static var retention: Duration? { get }
  /// How parameters and output become bytes. JSON unless the type says otherwise.
  static var codec: any JobCodec { get }
  /// With a key: at most one unfinished job per queue and key.
  var unique: Uniqueness? { get }
  /// With a limit set for this key on the server: at most so many run at once, everywhere.
  var concurrencyKey: String? { get }
  /// Waiting jobs of one queue and priority take turns by this, e.g. by tenant.
  var fairnessKey: String? { get }
}

extension JobParameters {
  public static var queue: String { "default" }
  public static var priority: Int { 0 }
  public static var retry: RetryPolicy { .default }
  public static var timeout: Duration? { nil }
  public static var retention: Duration? { nil }
  public static var codec: any JobCodec { JSONCodec() }
  public var unique: Uniqueness? { nil }
  public var concurrencyKey: String? { nil }
  public var fairnessKey: String? { nil }
}

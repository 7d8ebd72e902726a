import Jobs
import NIOCore
import RPC
import Wire

/// How producers hand jobs over.
enum BenchMode: String, CaseIterable, Sendable {
  /// One call per job, `inFlight` calls at a time.
  case unary
  /// EnqueueBatch calls.
  case batch
  /// EnqueueStream: batches on one stream per connection.
  case stream
}

/// What is measured, in this order.
enum BenchScenario: String, CaseIterable, Sendable {
  /// Jobs are stored; nobody runs them.
  case enqueue
  /// Workers run what was stored before.
  case drain
  /// Producers and workers at once.
  case both
  /// Jobs at a given rate, whatever the server does: how long until stored, how long until started.
  case latency
}

/// One bench, read and checked.
struct BenchSettings: Sendable {
  var scenarios = BenchScenario.allCases
  var mode = BenchMode.unary
  /// Goes along with every call: who asks.
  var metadata = Metadata()
  var jobs = 100_000
  var inFlight = 64
  var connections = 4
  var batchSize = 100
  var workers = 8
  var slots = 64
  var queues = 1
  var payload = 128
  /// Jobs per second of `latency`.
  var rate = 1_000
  /// Of one scenario at most; of `latency` exactly.
  var duration = Interval.seconds(10)
  var durability: Durability?
  /// What the names of the bench's own queues begin with.
  var prefix = "bench"

  static let jobName = "bench"

  func queueName(_ number: Int) -> String { "\(prefix)-\(number % queues)" }

  func spec(_ number: Int) -> JobSpec {
    var spec = JobSpec()
    spec.queue = queueName(number)
    spec.name = Self.jobName
    spec.payload = [UInt8](repeating: UInt8(ascii: "x"), count: payload)
    return spec
  }
}

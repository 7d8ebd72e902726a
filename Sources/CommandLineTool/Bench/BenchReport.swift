import Jobs
import RPC

/// What one scenario came to.
struct BenchReport: Sendable {
  let scenario: BenchScenario
  var jobs = 0
  var failed = 0
  var failure: Status?
  var seconds = 0.0
  /// Jobs per second that were asked for; 0: as many as possible.
  var rate = 0
  var durability: Durability?
  /// From the call (or when it was meant to be made) to the acknowledgement.
  var acknowledged = Latencies()
  /// From when the job was meant to be enqueued until a worker had it.
  var started = Latencies()
  /// CPU seconds of the server, if it can be had, and of this program.
  var serverCPU: Double?
  var benchCPU = 0.0

  var jobsPerSecond: Double { seconds > 0 ? Double(jobs) / seconds : 0 }

  private func microsecondsPerJob(_ seconds: Double?) -> Double? {
    guard let seconds, jobs > 0 else { return nil }
    return seconds / Double(jobs) * 1e6
  }

  // MARK: - For programs

  var json: JSONValue {
    .members([
      ("scenario", .string(scenario.rawValue)), ("jobs", .integer(Int64(jobs))),
      ("failed", failed > 0 ? .integer(Int64(failed)) : nil),
      ("failure", failure.map { .string($0.message) }), ("seconds", .number(seconds)),
      ("jobs_per_second", .number(jobsPerSecond)), ("rate", rate > 0 ? .integer(Int64(rate)) : nil),
      ("durability", durability.map { .string($0.name) }),
      ("acknowledged_microseconds", json(acknowledged)), ("started_microseconds", json(started)),
      ("server_cpu_microseconds_per_job", microsecondsPerJob(serverCPU).map { .number($0) } ?? .null),
      ("bench_cpu_microseconds_per_job", microsecondsPerJob(benchCPU).map { .number($0) }),
    ])
  }

  private func json(_ latencies: Latencies) -> JSONValue? {
    guard latencies.count > 0 else { return nil }
    return .members([
      ("p50", .integer(latencies.percentile(50))), ("p99", .integer(latencies.percentile(99))),
      ("p99.9", .integer(latencies.percentile(99.9))), ("max", .integer(latencies.highest)),
    ])
  }

  // MARK: - For people

  static let table = Table(
    "SCENARIO", "#JOBS", "#FAILED", "#JOBS/S", "#ACK P50", "#P99", "#P99.9", "#START P50", "#P99", "#P99.9",
    "#SERVER CPU/JOB", "DURABILITY")

  var cells: [String] {
    [scenario.rawValue, Format.count(UInt64(jobs)), Format.count(UInt64(failed)), Format.count(UInt64(jobsPerSecond))]
      + cells(acknowledged) + cells(started)
      + [
        microsecondsPerJob(serverCPU).map { Format.decimal($0) + "µs" } ?? "unknown", durability?.name ?? "-",
      ]
  }

  private func cells(_ latencies: Latencies) -> [String] {
    guard latencies.count > 0 else { return ["-", "-", "-"] }
    return [50, 99, 99.9].map { Format.interval(Interval(microseconds: latencies.percentile($0))) }
  }
}

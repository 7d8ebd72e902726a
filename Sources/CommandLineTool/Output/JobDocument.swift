import FoundationEssentials
import GKick
import Jobs

/// Jobs as JSON (the contract's field names) and as text.
enum JobDocument {
  static func json(_ job: JobInfo) -> JSONValue {
    .members([
      ("id", .string(job.id)), ("queue", .string(job.queue)), ("name", .string(job.name)),
      ("state", .string(job.state.name)), ("attempt", count(job.attempt)),
      ("max_attempts", job.maxAttempts > 0 ? count(job.maxAttempts) : nil),
      ("lost", job.lost > 0 ? count(job.lost) : nil), ("priority", .integer(Int64(job.priority))),
      ("payload", bytes(job.payload)), ("content_type", text(job.contentType)),
      ("metadata", metadata(job.metadata)), ("batch_id", text(job.batchID)),
      ("unique_key", text(job.uniqueKey)), ("concurrency_key", text(job.concurrencyKey)),
      ("fairness_key", text(job.fairnessKey)),
      ("depends_on", job.dependsOn.isEmpty ? nil : .array(job.dependsOn.map { .string($0) })),
      ("on_dependency_failure", job.onDependencyFailure == .run ? .string("RUN") : nil),
      ("dependencies_open", job.dependenciesOpen > 0 ? count(job.dependenciesOpen) : nil),
      ("recurring_job_id", text(job.recurringJobID)),
      ("timeout_seconds", job.timeout.map { .number($0.interval.seconds) }),
      ("retention_seconds", job.retention.map { .number($0.interval.seconds) }),
      ("created_at", time(job.createdAt.timestamp)), ("run_at", time(job.runAt.timestamp)),
      ("start_before", time(job.startBefore?.timestamp)), ("started_at", time(job.startedAt?.timestamp)),
      ("finished_at", time(job.finishedAt?.timestamp)), ("lease_expires_at", time(job.leaseExpiresAt?.timestamp)),
      ("worker_id", text(job.workerID)),
      ("result", job.state == .succeeded ? bytes(job.result) : nil),
      ("failures", job.failures.isEmpty ? nil : .array(job.failures.map(failure))),
      (
        "progress",
        job.progress.map {
          .members([("percent", count($0.percent)), ("message", text($0.message)), ("at", time($0.at.timestamp))])
        }
      ),
      ("waiting_reason", text(job.waitingReason)),
    ])
  }

  static func failure(_ failure: JobFailure) -> JSONValue {
    .members([
      ("attempt", count(failure.attempt)), ("at", time(failure.at.timestamp)), ("type", text(failure.type)),
      ("message", text(failure.message)), ("backtrace", text(failure.backtrace)),
      ("retryable", .bool(failure.isRetryable)), ("worker_id", text(failure.workerID)),
    ])
  }

  static func count(_ count: Int) -> JSONValue { .integer(Int64(count)) }
  static func text(_ text: String) -> JSONValue? { text.isEmpty ? nil : .string(text) }
  static func time(_ time: Timestamp?) -> JSONValue? { time.map { .string(Format.time($0)) } }

  /// Text where it is UTF-8; else an object that says that it is base64.
  static func bytes(_ bytes: [UInt8]) -> JSONValue {
    if let text = String(validating: bytes, as: UTF8.self) { return .string(text) }
    return .object([("base64", .string(Data(bytes).base64EncodedString()))])
  }

  private static func metadata(_ metadata: [String: String]) -> JSONValue? {
    metadata.isEmpty
      ? nil : .object(metadata.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) })
  }

  /// A page about one job. What comes from outside is made harmless here, for every line.
  static func page(_ job: JobInfo, now: Timestamp, output: Output) -> String {
    var lines: [(String, String)] = []
    func add(_ title: String, _ text: String) { lines.append((title, Table.onOneLine(text))) }
    func add(_ title: String, _ time: Timestamp?) {
      guard let time else { return }
      let distance = time - now
      let relative =
        distance > .zero ? "in \(Format.interval(distance))" : "\(Format.interval(now - time)) ago"
      add(title, "\(Format.time(time))  (\(relative))")
    }
    func addIfSaid(_ title: String, _ text: String) { if !text.isEmpty { add(title, text) } }
    add("id", job.id)
    add("queue", job.queue)
    add("name", job.name)
    let reason = job.waitingReason.isEmpty ? "" : ": " + Table.onOneLine(job.waitingReason)
    lines.append(("state", output.state(job.state) + reason))
    let all = job.maxAttempts > 0 ? " of \(job.maxAttempts)" : ""
    add("attempt", "\(job.attempt)\(all)" + (job.lost > 0 ? ", \(job.lost) lost with the worker" : ""))
    if job.priority != 0 { add("priority", "\(job.priority)") }
    add("created", job.createdAt.timestamp)
    add("run at", job.runAt.timestamp)
    if !job.state.isFinal, job.attempt == 0 { add("expires", job.startBefore?.timestamp) }
    add("started", job.startedAt?.timestamp)
    add("finished", job.finishedAt?.timestamp)
    add("lease until", job.leaseExpiresAt?.timestamp)
    addIfSaid("worker", job.workerID)
    if let timeout = job.timeout { add("time-out", "\(Format.interval(timeout.interval)) an attempt") }
    if let retention = job.retention { add("retention", Format.interval(retention.interval)) }
    addIfSaid("unique key", job.uniqueKey)
    addIfSaid("concurrency", job.concurrencyKey)
    addIfSaid("fairness", job.fairnessKey)
    for id in job.dependsOn { add("depends on", id) }
    if job.onDependencyFailure == .run { add("if one fails", "it runs all the same") }
    addIfSaid("recurring", job.recurringJobID)
    if let progress = job.progress { add("progress", "\(progress.percent)% \(progress.message)") }
    addIfSaid("batch", job.batchID)
    for (key, value) in job.metadata.sorted(by: { $0.key < $1.key }) { add("metadata", "\(key): \(value)") }
    addIfSaid("content type", job.contentType)
    add("payload", shown(job.payload))
    if job.state == .succeeded { add("result", shown(job.result)) }
    for failure in job.failures {
      let what = [failure.type, failure.message].filter { !$0.isEmpty }.joined(separator: ": ")
      add("failure", "attempt \(failure.attempt) at \(Format.time(failure.at.timestamp)): \(what)")
    }
    return output.page(lines)
  }

  /// The beginning of it on one line, with its length where it is cut.
  static func shown(_ bytes: [UInt8]) -> String {
    guard !bytes.isEmpty else { return "(empty)" }
    guard let text = String(validating: bytes, as: UTF8.self) else { return "(\(bytes.count) bytes)" }
    let line = Table.onOneLine(text)
    return line.count <= 200 ? line : line.prefix(200) + "... (\(bytes.count) bytes)"
  }
}

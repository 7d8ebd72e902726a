import Jobs
import Wire

/// Jobs as JSON (the contract's field names) and as text.
enum JobDocument {
  static func json(_ job: JobInfo) -> JSONValue {
    let spec = job.spec
    return .members([
      ("id", .string(spec.id)), ("queue", .string(spec.queue)), ("name", .string(spec.name)),
      ("state", .string(job.state.name)), ("attempt", .unsigned(UInt64(job.attempt))),
      ("lost", job.lost > 0 ? .unsigned(UInt64(job.lost)) : nil),
      ("priority", .integer(Int64(spec.priority))),
      ("payload", bytes(spec.payload)), ("content_type", text(spec.contentType)),
      ("metadata", metadata(spec.metadata)), ("batch_id", text(spec.batchID)),
      ("created_at", time(job.createdAt)), ("run_at", time(job.runAt)), ("started_at", time(job.startedAt)),
      ("finished_at", time(job.finishedAt)), ("lease_expires_at", time(job.leaseExpiresAt)),
      ("worker_id", text(job.workerID)),
      ("result", job.state == .succeeded ? bytes(job.result) : nil),
      ("failures", job.failures.isEmpty ? nil : .array(job.failures.map(failure))),
      (
        "progress",
        job.progress.map {
          .members([("percent", .unsigned(UInt64($0.percent))), ("message", text($0.message)), ("at", time($0.at))])
        }
      ),
      ("waiting_reason", text(job.waitingReason)),
    ])
  }

  static func failure(_ failure: Failure) -> JSONValue {
    .members([
      ("attempt", .unsigned(UInt64(failure.attempt))), ("at", time(failure.at)), ("type", text(failure.type)),
      ("message", text(failure.message)), ("backtrace", text(failure.backtrace)),
      ("retryable", .bool(failure.retryable)), ("worker_id", text(failure.workerID)),
    ])
  }

  static func text(_ text: String) -> JSONValue? { text.isEmpty ? nil : .string(text) }
  static func time(_ time: Timestamp?) -> JSONValue? { time.map { .string(Format.time($0)) } }

  /// Text where it is UTF-8; else an object that says that it is base64.
  static func bytes(_ bytes: [UInt8]) -> JSONValue {
    if let text = String(validating: bytes, as: UTF8.self) { return .string(text) }
    return .object([("base64", .string(Base64.encode(bytes)))])
  }

  private static func metadata(_ metadata: [String: String]) -> JSONValue? {
    metadata.isEmpty
      ? nil : .object(metadata.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) })
  }

  /// A page about one job.
  static func page(_ job: JobInfo, now: Timestamp, output: Output) -> String {
    let spec = job.spec
    var lines: [(String, String)] = [
      ("id", spec.id), ("queue", spec.queue), ("name", Table.onOneLine(spec.name)),
      ("state", output.state(job.state) + (job.waitingReason.isEmpty ? "" : ": \(job.waitingReason)")),
      ("attempt", "\(job.attempt)" + (job.lost > 0 ? ", \(job.lost) lost with the worker" : "")),
    ]
    func add(_ title: String, _ time: Timestamp?) {
      guard let time else { return }
      let distance = time - now
      let relative =
        distance > .zero ? "in \(Format.interval(distance))" : "\(Format.interval(now - time)) ago"
      lines.append((title, "\(Format.time(time))  (\(relative))"))
    }
    if spec.priority != 0 { lines.append(("priority", "\(spec.priority)")) }
    add("created", job.createdAt)
    add("run at", job.runAt)
    add("started", job.startedAt)
    add("finished", job.finishedAt)
    add("lease until", job.leaseExpiresAt)
    if !job.workerID.isEmpty { lines.append(("worker", job.workerID)) }
    if let progress = job.progress { lines.append(("progress", "\(progress.percent)% \(progress.message)")) }
    if !spec.batchID.isEmpty { lines.append(("batch", spec.batchID)) }
    for (key, value) in spec.metadata.sorted(by: { $0.key < $1.key }) {
      lines.append(("metadata", "\(key): \(Table.onOneLine(value))"))
    }
    lines.append(("payload", shown(spec.payload)))
    if job.state == .succeeded { lines.append(("result", shown(job.result))) }
    for failure in job.failures {
      let what = [failure.type, failure.message].filter { !$0.isEmpty }.joined(separator: ": ")
      lines.append(("failure", "attempt \(failure.attempt) at \(Format.time(failure.at)): \(Table.onOneLine(what))"))
    }
    return lines.map { title, value in
      output.style.dim(title + String(repeating: " ", count: max(1, 12 - title.count))) + value
    }.joined(separator: "\n")
  }

  /// The beginning of it on one line, with its length where it is cut.
  static func shown(_ bytes: [UInt8]) -> String {
    guard !bytes.isEmpty else { return "(empty)" }
    guard let text = String(validating: bytes, as: UTF8.self) else { return "(\(bytes.count) bytes)" }
    let line = Table.onOneLine(text)
    return line.count <= 200 ? line : line.prefix(200) + "... (\(bytes.count) bytes)"
  }
}

import OTLPMessages
import SwiftProtobuf

/// Spans as OTLP's messages, and the answer to them.
enum SpanMessages {
  /// Bytes of a text of a job's that are sent.
  private static let maxText = 1_024
  private static let maxBacktrace = 2_048

  static func request(_ spans: [Span], resource: [(String, String)], version: String) throws -> [UInt8] {
    var scope = Opentelemetry_Proto_Trace_V1_ScopeSpans()
    scope.scope.name = "gkick"
    scope.scope.version = version
    scope.spans = spans.map(message)
    var batch = Opentelemetry_Proto_Trace_V1_ResourceSpans()
    batch.resource.attributes = resource.map { text($0, $1) }
    batch.scopeSpans = [scope]
    var request = Opentelemetry_Proto_Collector_Trace_V1_ExportTraceServiceRequest()
    request.resourceSpans = [batch]
    return try request.serializedBytes()
  }

  /// - Returns: how many the collector did not keep, and why.
  static func rejected(_ answer: [UInt8]) -> (count: UInt64, reason: String) {
    guard let response = try? Opentelemetry_Proto_Collector_Trace_V1_ExportTraceServiceResponse(serializedBytes: answer)
    else { return (0, "") }
    return (UInt64(max(0, response.partialSuccess.rejectedSpans)), response.partialSuccess.errorMessage)
  }

  private static func message(_ span: Span) -> Opentelemetry_Proto_Trace_V1_Span {
    var message = Opentelemetry_Proto_Trace_V1_Span()
    message.traceID = .init(bytes(span.traceHigh) + bytes(span.traceLow))
    message.spanID = .init(bytes(span.id))
    if span.parent != 0 { message.parentSpanID = .init(bytes(span.parent)) }
    message.traceState = span.state
    // The sampled flag; that it is not known whether the parent is remote is said by leaving the other bits out.
    message.flags = 1
    message.name = span.name
    message.kind =
      switch span.kind {
      case .server: .server
      case .internal: .internal
      case .consumer: .consumer
      }
    message.startTimeUnixNano = UInt64(max(0, span.start.microseconds)) * 1_000
    message.endTimeUnixNano = UInt64(max(0, span.end.microseconds)) * 1_000
    message.attributes =
      span.texts.map { text($0, $1) } + span.numbers.map { key, number in attribute(key) { $0.intValue = number } }
    if let failure = span.failure {
      message.status.code = .error
      message.status.message = cut(failure.message, maxText)
      message.attributes.append(text("error.type", cut(failure.type, maxText)))
      var event = Opentelemetry_Proto_Trace_V1_Span.Event()
      event.name = "exception"
      event.timeUnixNano = message.endTimeUnixNano
      event.attributes = [
        text("exception.type", cut(failure.type, maxText)), text("exception.message", cut(failure.message, maxText)),
      ]
      if !failure.backtrace.isEmpty {
        event.attributes.append(text("exception.stacktrace", cut(failure.backtrace, maxBacktrace)))
      }
      message.events = [event]
    }
    return message
  }

  private static func cut(_ text: String, _ most: Int) -> String {
    text.utf8.count <= most ? text : String(decoding: text.utf8.prefix(most - 3), as: UTF8.self) + "..."
  }

  private static func text(_ key: String, _ value: String) -> Opentelemetry_Proto_Common_V1_KeyValue {
    attribute(key) { $0.stringValue = value }
  }

  private static func attribute(
    _ key: String, _ set: (inout Opentelemetry_Proto_Common_V1_AnyValue) -> Void
  ) -> Opentelemetry_Proto_Common_V1_KeyValue {
    var pair = Opentelemetry_Proto_Common_V1_KeyValue()
    pair.key = key
    set(&pair.value)
    return pair
  }

  private static func bytes(_ number: UInt64) -> [UInt8] {
    (0..<8).map { UInt8(truncatingIfNeeded: number >> (56 - 8 * UInt64($0))) }
  }
}

import Jobs

/// One span of a job's trace.
struct Span: Equatable, Sendable {
  enum Kind: Sendable {
    /// The server did what a producer asked.
    case server
    case `internal`
    /// A worker ran the job.
    case consumer
  }

  var traceHigh: UInt64
  var traceLow: UInt64
  var id: UInt64
  /// 0: the trace begins here.
  var parent: UInt64
  /// The producer's `tracestate`, handed on.
  var state = ""
  var name: String
  var kind: Kind
  var start: Timestamp
  var end: Timestamp
  var texts: [(String, String)] = []
  var numbers: [(String, Int64)] = []
  /// nil: all went well.
  var failure: Failure?

  /// Attributes are compared in their order: who makes spans is deterministic.
  static func == (a: Span, b: Span) -> Bool {
    a.traceHigh == b.traceHigh && a.traceLow == b.traceLow && a.id == b.id && a.parent == b.parent
      && a.state == b.state && a.name == b.name && a.kind == b.kind && a.start == b.start && a.end == b.end
      && a.texts.elementsEqual(b.texts, by: ==) && a.numbers.elementsEqual(b.numbers, by: ==) && a.failure == b.failure
  }
}

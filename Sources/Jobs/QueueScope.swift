/// The queues that somebody may know of, by patterns. Where one is optional, nil is everybody's: all queues.
///
/// An object, since what carries it along is copied often.
public final class QueueScope: Hashable, Sendable {
  /// Not empty.
  public let patterns: [QueuePattern]

  /// - Returns: nil when the patterns leave nothing out, or there are none.
  public static func of(_ patterns: [QueuePattern]) -> QueueScope? {
    if patterns.isEmpty || patterns.contains(where: { $0.isPrefix && $0.text.isEmpty }) { return nil }
    return QueueScope(patterns)
  }

  private init(_ patterns: [QueuePattern]) { self.patterns = patterns }

  public static func == (a: QueueScope, b: QueueScope) -> Bool { a === b || a.patterns == b.patterns }

  public func hash(into hasher: inout Hasher) { hasher.combine(patterns) }

  fileprivate func covers(_ queue: String) -> Bool { patterns.contains { $0.matches(queue) } }

  /// Whether every queue that the pattern matches is one of these.
  fileprivate func covers(_ pattern: QueuePattern) -> Bool {
    patterns.contains { own in
      own.isPrefix ? pattern.text.hasPrefix(own.text) : !pattern.isPrefix && pattern.text == own.text
    }
  }

  /// Whether any queue that the pattern matches may be one of these.
  fileprivate func touches(_ pattern: QueuePattern) -> Bool {
    patterns.contains { own in
      own.matches(pattern.text) || pattern.matches(own.text)
    }
  }
}

extension QueueScope? {
  public func covers(_ queue: String) -> Bool { map { $0.covers(queue) } ?? true }

  /// Whether every queue that the pattern matches is one of these.
  public func covers(_ pattern: QueuePattern) -> Bool { map { $0.covers(pattern) } ?? true }

  public func covers(_ subscriptions: [Subscription]) -> Bool {
    guard let self else { return true }
    return subscriptions.allSatisfy { self.covers($0.pattern) }
  }

  /// Whether any queue that the pattern matches may be one of these.
  public func touches(_ pattern: QueuePattern) -> Bool { map { $0.touches(pattern) } ?? true }
}

/// Which jobs a worker can run, and what runs around them.
package struct JobRegistry: Sendable {
  package typealias Handler = @Sendable (JobContext) async throws -> JobResult

  package private(set) var handlers: [String: Handler] = [:]
  /// Runs what has no handler of its own.
  package private(set) var fallback: Handler?
  package private(set) var middleware: [any JobMiddleware] = []

  package init() {}

  /// The last registration of a name wins.
  package mutating func add(_ name: String, _ handler: @escaping Handler) { handlers[name] = handler }

  package mutating func addFallback(_ handler: @escaping Handler) { fallback = handler }

  package var isEmpty: Bool { handlers.isEmpty && fallback == nil }

  /// The first added is the outermost.
  package mutating func use(_ middleware: any JobMiddleware) { self.middleware.append(middleware) }

  /// The handler of a name with everything around it, put together once.
  package func chain(_ name: String) -> Handler? { handlers[name].map(wrap) }

  package var fallbackChain: Handler? { fallback.map(wrap) }

  private func wrap(_ handler: @escaping Handler) -> Handler {
    var next = handler
    for layer in middleware.reversed() {
      let inner = next
      next = { context in try await layer.run(context, next: inner) }
    }
    return next
  }
}

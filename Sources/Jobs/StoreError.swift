/// The store could not do its work: infrastructure, never an expected outcome.
public struct StoreError: Error, Hashable, Sendable, CustomStringConvertible {
  public enum Kind: Sendable {
    /// Away or failing for now: try again later (UNAVAILABLE).
    case unavailable
    /// No space or memory left where it stores (RESOURCE_EXHAUSTED).
    case full
    /// What is stored cannot be read as ours: damaged, foreign, or of a newer version. Not curable by waiting.
    case unusable
    /// Another process holds the store.
    case locked
    /// Another server leads by now: what was to be written was not.
    case deposed
  }
  public var kind: Kind
  /// For people: what failed and what to do about it.
  public var message: String

  public init(_ kind: Kind, _ message: String) {
    self.kind = kind
    self.message = message
  }

  public var description: String { message }
}

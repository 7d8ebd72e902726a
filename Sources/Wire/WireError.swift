/// A message that the contract does not allow: which field, and the rule it breaks.
public struct WireError: Error, Hashable, Sendable, CustomStringConvertible {
  public enum Kind: Sendable {
    /// INVALID_ARGUMENT.
    case invalid
    /// UNIMPLEMENTED: allowed by the contract, not by this server yet.
    case unimplemented
  }
  public var kind: Kind
  /// The field's path, e.g. "job.queue"; empty: the message as a whole.
  public var field: String
  /// For people, e.g. "at most 128 characters of [A-Za-z0-9_.:-]".
  public var rule: String

  init(_ field: String, _ rule: String, kind: Kind = .invalid) {
    self.kind = kind
    self.field = field
    self.rule = rule
  }

  init(_ field: StaticString, _ rule: String) { self.init("\(field)", rule) }

  /// "job.queue: at most 128 characters of [A-Za-z0-9_.:-]"
  public var description: String { field.isEmpty ? rule : "\(field): \(rule)" }
}

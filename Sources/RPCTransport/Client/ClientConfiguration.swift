/// A client channel's settings.
public struct ClientConfiguration: Sendable {
  public init() {}
}

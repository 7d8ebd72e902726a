/// What a server says of one of its services (gRPC `doc/health-checking.md`). The raw values are those on the wire.
public enum ServingStatus: Int32, Sendable, Hashable {
  case unknown = 0
  case serving = 1
  case notServing = 2
}

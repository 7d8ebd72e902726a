public import NIOCore
public import RPC

/// A way to the server that leads, confined to one event loop: gKick's gRPC client, or a test's stand-in.
public protocol LeaderChannel: AnyObject, Sendable {
  /// Opens a call whose handler runs on the loop. `makeHandler` runs there too.
  func open(
    _ path: String, metadata: Metadata, options: CallOptions,
    _ makeHandler: @escaping @Sendable () -> any ClientCallHandler)

  /// Its calls end, no other begins.
  func close()
}

/// Makes the way to an address, host:port.
public typealias MakeLeaderChannel = @Sendable (_ address: String, _ loop: any EventLoop) throws -> any LeaderChannel

/// What servers of one store say to each other in the head of a call.
enum FrontHeader {
  /// The storage's secret: who knows it belongs to the same store.
  static let secret = "gkick-front"
  /// Who called the server that hands the call on.
  static let address = "gkick-front-address"
  /// Which server it came to.
  static let server = "gkick-front-server"
  /// Whose the call is, as the server that it came to has found out; without `--auth` nobody's.
  static let principal = "gkick-front-principal"
}

extension Status {
  /// Said to other servers, which then ask who leads by now. Whatever was asked has not been done.
  static let notLeading = Status(.unavailable, "this server does not lead", retryPushback: 100)
  /// Said to whoever hands a call on without the secret. Another server of the store may have an old one for a moment, when the store was
  /// made anew.
  static let notTrusted = Status(.unauthenticated, "gkick-front: only servers of the same store may hand calls on")
  static let noLeader = Status(.unavailable, "no server leads at this moment; try again shortly", retryPushback: 500)
  static let lostOnTheWay = Status(
    .unavailable, "the server that leads went away while it had this call: it may have been done or not",
    retryPushback: 500)
}

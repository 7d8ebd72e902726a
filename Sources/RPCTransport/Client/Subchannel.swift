import HTTP2
import Logging
import NIOCore
import RPC

/// What a subchannel tells its channel. All on the loop.
protocol SubchannelOwner: AnyObject {
  func subchannelReady(_ subchannel: Subchannel)
  /// There is room for calls that wait.
  func subchannelHasRoom(_ subchannel: Subchannel)
  /// It was connecting and could not.
  func subchannelFailed(_ subchannel: Subchannel, reason: String)
  /// It was ready and its connection takes no more calls, or is gone.
  func subchannelLost(_ subchannel: Subchannel, error: HTTP2ErrorCode)
}

/// One address and the connection to it, if there is one. Draining connections live on by themselves until their calls have ended.
final class Subchannel: ClientConnectionOwner {
  enum State {
    case idle
    /// The connection is being made, or has not yet brought the server's SETTINGS.
    case connecting(ClientConnectionHandler, timeout: Scheduled<Void>)
    case ready(ClientConnectionHandler)
  }

  let address: SocketAddress
  private let settings: ConnectionSettings
  private(set) var state = State.idle
  private(set) var attemptStarted = NIODeadline.uptimeNanoseconds(0)
  /// Failed attempts in a row.
  private(set) var failures = 0
  /// No attempt before this (round robin).
  var notBefore = NIODeadline.uptimeNanoseconds(0)
  private weak var owner: (any SubchannelOwner)?
  private var draining: [ObjectIdentifier: ClientConnectionHandler] = [:]

  init(address: SocketAddress, settings: ConnectionSettings, owner: any SubchannelOwner) {
    self.address = address
    self.settings = settings
    self.owner = owner
  }

  /// The connection that new calls go to.
  var ready: ClientConnectionHandler? {
    if case .ready(let handler) = state { return handler }
    return nil
  }

  var isIdle: Bool {
    if case .idle = state { return true }
    return false
  }

  // MARK: - Connecting

  func connect(keepalive: ClientKeepalive?) {
    guard isIdle else { return }
    attemptStarted = settings.context.eventLoop.now
    let handler: ClientConnectionHandler
    do {
      handler = try ClientConnectionHandler(
        configuration: settings.rpc, context: settings.context, keepalive: keepalive,
        expectsALPN: settings.isTLS, owner: self)
    } catch {
      owner?.subchannelFailed(self, reason: "\(error)")
      return
    }
    let loop = settings.context.eventLoop
    let timeout = loop.assumeIsolated().scheduleTask(in: settings.connectTimeout) {
      self.attemptFailed(handler, reason: ConnectionProblem.noAnswer.text)
    }
    state = .connecting(handler, timeout: timeout)
    let bound = NIOLoopBound((self, handler), eventLoop: loop)
    settings.dialer.dial(address, handler, on: loop).whenFailure { error in
      let (subchannel, handler) = bound.value
      subchannel.attemptFailed(handler, reason: ConnectionProblem.describe(error))
    }
  }

  private func attemptFailed(_ handler: ClientConnectionHandler, reason: String) {
    guard case .connecting(let current, let timeout) = state, current === handler else { return }
    timeout.cancel()
    state = .idle
    failures += 1
    handler.close(reason)
    owner?.subchannelFailed(self, reason: "cannot connect to \(address.plain): \(reason)")
  }

  // MARK: - From connections

  func connectionHasRoom(_ handler: ClientConnectionHandler) {
    switch state {
    case .connecting(let current, let timeout) where current === handler:
      guard handler.rpc.session.isReady else { return }
      timeout.cancel()
      failures = 0
      state = .ready(handler)
      owner?.subchannelReady(self)
    case .ready(let current) where current === handler:
      owner?.subchannelHasRoom(self)
    default: break
    }
  }

  func connectionDrains(_ handler: ClientConnectionHandler, error: HTTP2ErrorCode) {
    draining[ObjectIdentifier(handler)] = handler
    left(handler, reason: "the server is going away", error: error)
  }

  func connectionClosed(_ handler: ClientConnectionHandler, reason: String) {
    draining[ObjectIdentifier(handler)] = nil
    left(handler, reason: reason, error: .noError)
  }

  private func left(_ handler: ClientConnectionHandler, reason: String, error: HTTP2ErrorCode) {
    switch state {
    case .connecting(let current, _) where current === handler:
      attemptFailed(handler, reason: reason)
    case .ready(let current) where current === handler:
      state = .idle
      owner?.subchannelLost(self, error: error)
    default: break
    }
  }

  // MARK: - The end

  /// Open calls may end, new ones go elsewhere.
  func drain() {
    switch state {
    case .idle: break
    case .connecting(let handler, let timeout):
      timeout.cancel()
      state = .idle
      handler.close("no longer needed")
    case .ready(let handler):
      state = .idle
      draining[ObjectIdentifier(handler)] = handler
      handler.drain()
    }
  }

  func close(_ reason: String) {
    drain()
    for handler in draining.values { handler.close(reason) }
  }

  var openCalls: Int {
    draining.values.reduce(ready?.rpc.openCalls ?? 0) { $0 + $1.rpc.openCalls }
  }
}

/// What all connections of a channel have in common.
struct ConnectionSettings {
  var rpc: ClientRPCConfiguration
  var context: LoopContext
  var connectTimeout: TimeAmount
  var isTLS: Bool
  var dialer: any Dialer
}

extension SocketAddress {
  /// `127.0.0.1:80`, `[::1]:80` or `unix:/path`.
  var plain: String {
    switch self {
    case .unixDomainSocket: "unix:\(pathname ?? "")"
    case .v4, .v6:
      ClientTarget.HostPort(ipAddress ?? "?", port ?? 0).text
    }
  }
}

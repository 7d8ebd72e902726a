import Access
import Jobs
import NIOCore
import RPC

/// What a connection's last call showed, so that the next one with the same need not be looked up. Of one list: another knows it no more.
final class KnownCredential {
  let header: [UInt8]
  let list: AccessList
  let grant: Grant

  init(header: [UInt8], list: AccessList, grant: Grant) {
    self.header = header
    self.list = list
    self.grant = grant
  }
}

/// What a connection has whose last token was bad.
final class BadCredential: Sendable {
  static let one = BadCredential()
}

/// One event loop's side of who may come in. Confined to its loop.
// Sendable unchecked: `loop` is constant; all else is touched on it only.
final class AccessLoop: @unchecked Sendable {
  let loop: any EventLoop
  private var list: AccessList
  private let now: @Sendable () -> Timestamp
  /// Calls that last: they end when their principal does.
  private var open: [ObjectIdentifier: ServerCall] = [:]
  /// What other servers said of their callers.
  private var forwarded: [String: Grant] = [:]
  /// Signed tokens that were found to be good, so that a signature is verified once and not with every connection.
  private var verified: [TokenHash: Grant] = [:]
  private var pace = RefusalPace()
  private var clock: RepeatedTask?
  private static let maxKept = 1_024

  init(loop: any EventLoop, list: AccessList, now: @escaping @Sendable () -> Timestamp) {
    self.loop = loop
    self.list = list
    self.now = now
  }

  func start() {
    let bound = NIOLoopBound(self, eventLoop: loop)
    clock = loop.scheduleRepeatedTask(initialDelay: .seconds(1), delay: .seconds(1)) { _ in bound.value.endExpired() }
  }

  func stop() {
    clock?.cancel()
    clock = nil
  }

  // MARK: Who it is

  func identify(_ call: ServerCall) throws(Status) -> Grant {
    let grant = try find(call)
    if grant.isOver(at: now()) { throw Status(.unauthenticated, "\(grant.name) has expired") }
    return grant
  }

  private func find(_ call: ServerCall) throws(Status) -> Grant {
    guard let header = call.firstValue(of: "authorization") else {
      if let grant = list.grant(subject: call.peer.certificateSubject, names: call.peer.certificateNames) {
        return grant
      }
      throw Status(.unauthenticated, "who calls? authorization: Bearer TOKEN is missing")
    }
    if let known = call.credential as? KnownCredential, known.list === list, Bytes.equal(known.header, header) {
      return known.grant
    }
    guard let token = Self.token(of: header) else {
      throw Status(.unauthenticated, "authorization: not of the form Bearer TOKEN")
    }
    // The gateway's callers share a connection.
    let isShared = call.peer.address == GatewayCaller.peer.address
    if call.credential is BadCredential, !isShared, pace.isFull(loop.now), !isKnown(token) {
      throw Status(
        .resourceExhausted, "authorization: too many bad tokens are shown here to look at one more",
        retryPushback: 2_000)
    }
    do throws(TokenFault) {
      let grant = try find(token)
      call.credential = KnownCredential(header: header, list: list, grant: grant)
      return grant
    } catch {
      if !isShared { call.credential = BadCredential.one }
      throw Status(.unauthenticated, "authorization: \(error.reason)")
    }
  }

  /// When a caller is told that it is refused because nobody knows it.
  func turnToRefuse() -> NIODeadline { pace.turn(loop.now) }

  /// Whether it is good, as far as that can be said without looking at a signature.
  private func isKnown(_ token: ArraySlice<UInt8>) -> Bool {
    guard token.count <= Token.maxBytes else { return false }
    let hash = TokenHash(of: token)
    return list.grant(token: hash) != nil || verified[hash] != nil
  }

  private func find(_ token: ArraySlice<UInt8>) throws(TokenFault) -> Grant {
    guard token.count <= Token.maxBytes else { throw TokenFault("the token is longer than 8 KiB") }
    let hash = TokenHash(of: token)
    if let grant = list.grant(token: hash) ?? verified[hash] { return grant }
    guard let signed = list.signed, Token.isSigned(token) else { throw TokenFault("the token is not known here") }
    let grant = try signed.grant(of: token, at: now())
    if verified.count >= Self.maxKept { verified = [:] }
    verified[hash] = grant
    return grant
  }

  /// nil: nobody's, or it has expired.
  func grant(of token: [UInt8]) -> Grant? {
    guard let grant = try? find(token[...]), !grant.isOver(at: now()) else { return nil }
    return grant
  }

  /// RFC 6750; the scheme's case does not matter.
  private static func token(of header: [UInt8]) -> ArraySlice<UInt8>? {
    guard header.count > 7, header[6] == UInt8(ascii: " "),
      zip(header, "bearer".utf8).allSatisfy({ $0 | 0x20 == $1 })
    else { return nil }
    let token = header[7...].drop { $0 == UInt8(ascii: " ") }
    return token.isEmpty ? nil : token
  }

  /// Whom another server of the store says that it is.
  func forwarded(_ text: String) throws(Status) -> Grant {
    if let known = forwarded[text] { return known }
    guard let grant = Grant(headerText: text) else {
      throw Status(
        .unauthenticated, "another server handed the call on without saying whose it is: it must be started with --auth"
      )
    }
    if forwarded.count >= Self.maxKept { forwarded = [:] }
    forwarded[text] = grant
    return grant
  }

  // MARK: Calls that last

  func opened(_ call: ServerCall) { open[ObjectIdentifier(call)] = call }

  func ended(_ call: ServerCall) { open[ObjectIdentifier(call)] = nil }

  /// Whoever is no longer what they were loses what they have open.
  func set(_ list: AccessList) {
    self.list = list
    verified = [:]
    for call in open.values where !call.isTrusted {
      guard let grant = call.grant else { continue }
      do throws(Status) {
        if try identify(call).isLike(grant) { continue }
        call.finish(Status(.unauthenticated, "what \(grant.name) may do was changed: call again"))
      } catch {
        call.finish(error)
      }
    }
  }

  private func endExpired() {
    guard !open.isEmpty else { return }
    let now = now()
    for call in open.values {
      if let grant = call.grant, grant.isOver(at: now) {
        call.finish(Status(.unauthenticated, "\(grant.name) has expired"))
      }
    }
  }
}

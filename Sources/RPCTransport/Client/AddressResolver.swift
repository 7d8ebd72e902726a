import Glibc
import NIOCore
import NIOPosix

/// Finds a target's addresses, each time it is asked anew.
protocol AddressResolver: Sendable {
  /// At least one address, each once, or a failed future.
  func resolve(on loop: any EventLoop) -> EventLoopFuture<[SocketAddress]>
}

/// By the system's resolver (`/etc/hosts`, DNS), which blocks, so on a thread for it.
struct SystemResolver: AddressResolver {
  let target: ClientTarget

  func resolve(on loop: any EventLoop) -> EventLoopFuture<[SocketAddress]> {
    let names: [ClientTarget.HostPort]
    switch target {
    case .unix(let path):
      return loop.makeCompletedFuture { [try SocketAddress(unixDomainSocketPath: path)] }
    case .hostPort(let host, let port): names = [.init(host, port)]
    case .addresses(let list): names = list
    }
    let literal = names.compactMap { try? SocketAddress(ipAddress: $0.host, port: $0.port) }
    if literal.count == names.count { return loop.makeSucceededFuture(literal) }
    return NIOThreadPool.singleton.runIfActive(eventLoop: loop) {
      var found: [SocketAddress] = []
      var failure: (any Error)?
      for name in names {
        do {
          for address in try Self.lookUp(name) where !found.contains(address) { found.append(address) }
        } catch {
          failure = error
        }
      }
      if found.isEmpty { throw failure ?? ResolutionFailed(name: target.authority, reason: "no address") }
      return found
    }
  }

  /// All stream addresses of a name, in the system's order of preference (RFC 6724).
  private static func lookUp(_ name: ClientTarget.HostPort) throws -> [SocketAddress] {
    if let literal = try? SocketAddress(ipAddress: name.host, port: name.port) { return [literal] }
    var hints = unsafe addrinfo()
    unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    unsafe hints.ai_flags = AI_ADDRCONFIG
    var list: UnsafeMutablePointer<addrinfo>?
    // getaddrinfo fills `list` only when it returns 0; the list is freed below, after the last read.
    let code = unsafe getaddrinfo(name.host, String(name.port), &hints, &list)
    guard code == 0 else {
      let reason =
        code == EAI_NONAME
        ? ConnectionProblem.nameNotFound.text
        : unsafe gai_strerror(code).map { unsafe String(cString: $0) } ?? "error \(code)"
      throw ResolutionFailed(name: name.text, reason: reason)
    }
    defer { if let first = unsafe list { unsafe freeaddrinfo(first) } }
    var found: [SocketAddress] = []
    var next = unsafe list
    while let entry = unsafe next {
      // Each entry's address has the size and layout that its family says.
      if let address = unsafe entry.pointee.ai_addr {
        switch unsafe entry.pointee.ai_family {
        case AF_INET:
          let ip = unsafe address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { unsafe $0.pointee }
          found.append(SocketAddress(ip, host: name.host))
        case AF_INET6:
          let ip = unsafe address.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { unsafe $0.pointee }
          found.append(SocketAddress(ip, host: name.host))
        default: break
        }
      }
      unsafe next = entry.pointee.ai_next
    }
    return found
  }
}

struct ResolutionFailed: Error, CustomStringConvertible {
  var name: String
  var reason: String

  var description: String { "cannot find \(name): \(reason)" }
}

import Glibc

/// TCP and Unix sockets.
final class SocketTransport: RedisTransport {
  private let socket: Int32

  init(_ target: RedisTarget, until deadline: ContinuousClock.Instant) throws(RedisTransportError) {
    switch target {
    case .unix(let path): socket = try Self.connect(unix: path, until: deadline)
    case .tcp(let endpoint): socket = try Self.connect(endpoint, until: deadline)
    }
  }

  deinit { _ = Glibc.close(socket) }

  func close() { _ = shutdown(socket, Int32(SHUT_RDWR)) }

  func send(_ bytes: RawSpan, until deadline: ContinuousClock.Instant) throws(RedisTransportError) {
    var sent = 0
    while sent < bytes.byteCount {
      // The pointer is used inside the closure only, and the offset stays within the span.
      let count = unsafe bytes.withUnsafeBytes { buffer in
        unsafe Glibc.send(socket, buffer.baseAddress.map { unsafe $0 + sent }, buffer.count - sent, Int32(MSG_NOSIGNAL))
      }
      if count > 0 {
        sent += count
      } else if errno == EAGAIN {
        try Self.wait(socket, for: Int16(POLLOUT), until: deadline)
      } else if errno != EINTR {
        throw Self.failure("send")
      }
    }
  }

  func receive(into buffer: inout [UInt8], until deadline: ContinuousClock.Instant) throws(RedisTransportError) -> Int {
    while true {
      // recv writes no further than the count that it is given.
      let count = unsafe buffer.withUnsafeMutableBytes { buffer in
        unsafe recv(socket, buffer.baseAddress, buffer.count, 0)
      }
      if count >= 0 { return count }
      if errno == EAGAIN {
        try Self.wait(socket, for: Int16(POLLIN), until: deadline)
      } else if errno != EINTR {
        throw Self.failure("receive")
      }
    }
  }

  private static func wait(
    _ socket: Int32, for events: Int16, until deadline: ContinuousClock.Instant
  ) throws(RedisTransportError) {
    while true {
      // Looked at once even when the time is over: a process that stood still meanwhile finds its answer here.
      let left = ContinuousClock.now.duration(to: deadline)
      let milliseconds = max(0, left / .milliseconds(1))
      var request = pollfd(fd: socket, events: events, revents: 0)
      // One element, for the duration of the call.
      let ready = unsafe poll(&request, 1, Int32(min(milliseconds.rounded(.up), 3_600_000)))
      if ready > 0 { return }
      if ready < 0, errno != EINTR { throw failure("poll") }
      if left <= .zero { throw .timeout }
    }
  }

  private static func failure(_ what: String) -> RedisTransportError {
    // strerror gives a string that lives until the next call on this thread; it is copied at once.
    let number = errno
    return .failed("\(what): \(unsafe String(cString: strerror(number)))")
  }

  private static func open(_ family: Int32) throws(RedisTransportError) -> Int32 {
    let socket = Glibc.socket(
      family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    if socket < 0 { throw failure("socket") }
    return socket
  }

  /// Waits until a connect that has begun is done.
  private static func finish(
    _ result: Int32, _ socket: Int32, until deadline: ContinuousClock.Instant
  ) throws(RedisTransportError) {
    if result == 0 { return }
    guard errno == EINPROGRESS else { throw failure("connect") }
    try wait(socket, for: Int16(POLLOUT), until: deadline)
    var code: Int32 = 0
    var size = socklen_t(MemoryLayout<Int32>.size)
    // Both are locals of the sizes that the option has.
    guard unsafe getsockopt(socket, SOL_SOCKET, SO_ERROR, &code, &size) == 0 else { throw failure("connect") }
    errno = code
    if code != 0 { throw failure("connect") }
  }

  private static func connect(
    unix path: String, until deadline: ContinuousClock.Instant
  ) throws(RedisTransportError) -> Int32 {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let bytes = Array(path.utf8)
    guard bytes.count < 108 else { throw .failed("the socket's path is too long: \(path)") }
    // The path was just checked to fit, with its NUL, into the 108 zeroed bytes.
    unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: bytes) }
    let socket = try open(AF_UNIX)
    do throws(RedisTransportError) {
      // The address is a local of the size that is told.
      let result = unsafe withUnsafePointer(to: address) {
        unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          unsafe Glibc.connect(socket, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
        }
      }
      try finish(result, socket, until: deadline)
      return socket
    } catch {
      _ = Glibc.close(socket)
      throw error
    }
  }

  private static func connect(
    _ endpoint: RedisEndpoint, until deadline: ContinuousClock.Instant
  ) throws(RedisTransportError) -> Int32 {
    // Plain C values, all zero.
    var hints = unsafe addrinfo()
    unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var list: UnsafeMutablePointer<addrinfo>?
    // Resolving has no deadline of its own: the system's resolver decides how long it tries.
    let code = unsafe getaddrinfo(endpoint.host, String(endpoint.port), &hints, &list)
    guard code == 0 else { throw .failed("\(endpoint): \(unsafe String(cString: gai_strerror(code)))") }
    // The list is ours until here.
    defer { unsafe freeaddrinfo(list) }
    var last = RedisTransportError.failed("\(endpoint): no address")
    var next = unsafe list
    while let info = unsafe next {
      unsafe next = info.pointee.ai_next
      let socket = try open(unsafe info.pointee.ai_family)
      do throws(RedisTransportError) {
        // The address belongs to the list, which is still there.
        let result = unsafe Glibc.connect(socket, info.pointee.ai_addr, info.pointee.ai_addrlen)
        try finish(result, socket, until: deadline)
        var on: Int32 = 1
        // A local of the size that is told; a socket that will not take an option works without.
        _ = unsafe setsockopt(socket, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
        _ = unsafe setsockopt(socket, SOL_SOCKET, SO_KEEPALIVE, &on, socklen_t(MemoryLayout<Int32>.size))
        return socket
      } catch {
        _ = Glibc.close(socket)
        last = error
      }
    }
    throw last
  }
}

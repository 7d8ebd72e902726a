import Glibc

/// A redis-server (or Sentinel) of a test's own: own port, own directory, removed with it.
public final class RedisProcess: @unchecked Sendable {
  // @unchecked: `pid` changes only in start and stop, which a test calls from one thread.
  public let port: UInt16
  public let directory: String
  private let arguments: [String]
  private let program: String
  public private(set) var pid: pid_t = 0

  public enum Failure: Error { case cannotStart(String) }

  /// Whether there is a redis-server to start.
  public static let isInstalled = find("redis-server") != nil

  /// - Parameter settings: as on redis-server's command line, e.g. ["--maxmemory", "10mb"]. AOF with fsync always unless told
  ///   otherwise.
  public init(_ settings: [String] = []) throws {
    guard let program = Self.find("redis-server") else { throw Failure.cannotStart("redis-server is not installed") }
    self.program = program
    port = Self.freePort()
    directory = try Self.makeDirectory()
    arguments =
      [
        "--port", String(port), "--bind", "127.0.0.1", "--dir", directory, "--save", "", "--appendonly", "yes",
        "--appendfsync", "always", "--daemonize", "no", "--logfile", directory + "/log", "--unixsocket",
        directory + "/s", "--auto-aof-rewrite-percentage", "0",
      ] + settings
    try start()
  }

  /// A Sentinel that watches `master` under the name "test".
  public init(sentinelFor master: RedisProcess, quorum: Int) throws {
    guard let program = Self.find("redis-server") else { throw Failure.cannotStart("redis-server is not installed") }
    self.program = program
    port = Self.freePort()
    directory = try Self.makeDirectory()
    let file = directory + "/sentinel.conf"
    try Self.write(
      """
      port \(port)
      bind 127.0.0.1
      dir \(directory)
      logfile \(directory)/log
      sentinel monitor test 127.0.0.1 \(master.port) \(quorum)
      sentinel down-after-milliseconds test 700
      sentinel failover-timeout test 3000
      """, to: file)
    arguments = [file, "--sentinel"]
    try start()
  }

  deinit {
    stop()
    _ = Self.spawn("/bin/rm", ["-rf", directory]).map { waitpid($0, nil, 0) }
  }

  private static func spawn(_ program: String, _ arguments: [String]) -> pid_t? {
    var pointers: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { (word: String) in strdup(word) }
    pointers.append(nil)
    defer { pointers.forEach { free($0) } }
    // Our own output stays ours: whoever reads it waits until nobody can write to it any more.
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for (descriptor, mode) in [(Int32(0), O_RDONLY), (1, O_WRONLY), (2, O_WRONLY)] {
      posix_spawn_file_actions_addopen(&actions, descriptor, "/dev/null", mode, 0)
    }
    var child: pid_t = 0
    return posix_spawn(&child, program, &actions, nil, &pointers, environ) == 0 ? child : nil
  }

  public func start() throws {
    guard let child = Self.spawn(program, arguments) else { throw Failure.cannotStart("\(program): \(errno)") }
    pid = child
    // A test process that dies takes it along.
    let watch =
      "while kill -0 \(getpid()) && kill -0 \(child); do sleep 1; done; "
      + "kill -0 \(getpid()) || { kill -9 \(child); rm -rf \(directory); }"
    _ = Self.spawn("/bin/sh", ["-c", watch])
    for _ in 0..<1000 {
      if isListening { return }
      usleep(5000)
    }
    throw Failure.cannotStart("\(program) does not listen on \(port), see \(directory)/log")
  }

  /// Kills it as a crash would, and waits until it is gone.
  public func stop() {
    guard pid > 0 else { return }
    kill(pid, SIGCONT)
    kill(pid, SIGKILL)
    waitpid(pid, nil, 0)
    pid = 0
  }

  public func pause() { kill(pid, SIGSTOP) }
  public func resume() { kill(pid, SIGCONT) }

  public var url: String { "redis://127.0.0.1:\(port)" }
  public var socketPath: String { directory + "/s" }

  private var isListening: Bool {
    let socket = Self.connect(port)
    if socket >= 0 { close(socket) }
    return socket >= 0
  }

  /// Says one command and returns the beginning of what comes back, in the protocol's form.
  @discardableResult
  public func ask(_ words: String...) -> String {
    let socket = Self.connect(port)
    guard socket >= 0 else { return "" }
    defer { close(socket) }
    let text = "*\(words.count)\r\n" + words.map { "$\($0.utf8.count)\r\n\($0)\r\n" }.joined()
    _ = text.withCString { send(socket, $0, strlen($0), 0) }
    var buffer = [UInt8](repeating: 0, count: 65536)
    let count = recv(socket, &buffer, buffer.count, 0)
    return String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
  }

  private static func connect(_ port: UInt16) -> Int32 {
    let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    let result = withUnsafePointer(to: address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        Glibc.connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    if result == 0 { return socket }
    close(socket)
    return -1
  }

  /// One that nobody listened on a moment ago.
  private static func freePort() -> UInt16 {
    let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(socket) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        _ = bind(socket, $0, size)
        _ = getsockname(socket, $0, &size)
      }
    }
    return UInt16(bigEndian: address.sin_port)
  }

  private static func makeDirectory() throws -> String {
    var template = Array("/tmp/gkick-redis-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw Failure.cannotStart("no directory: \(errno)") }
    return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  private static func write(_ text: String, to path: String) throws {
    let file = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0o644)
    guard file >= 0 else { throw Failure.cannotStart("\(path): \(errno)") }
    defer { close(file) }
    _ = text.withCString { Glibc.write(file, $0, strlen($0)) }
  }

  private static func find(_ name: String) -> String? {
    for directory in ["/usr/bin", "/usr/local/bin", "/opt/homebrew/bin"]
    where access("\(directory)/\(name)", X_OK) == 0 {
      return "\(directory)/\(name)"
    }
    return nil
  }
}

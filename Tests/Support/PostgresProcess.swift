import Glibc

/// A PostgreSQL of a test's own: own port, own directory, removed with it. PostgreSQL refuses to run as root: then it runs as the user
/// `postgres` that its package makes.
public final class PostgresProcess: @unchecked Sendable {
  // @unchecked: `pid` changes only in start and stop, which a test calls from one thread.
  public let port: UInt16
  public let directory: String
  private let bin: String
  private let settings: [String]
  public private(set) var pid: pid_t = 0

  public enum Failure: Error { case cannotStart(String) }

  /// Whether there is a PostgreSQL to start.
  public static let isInstalled = findBin() != nil

  /// One for all tests that need no more than a schema of their own. Without fsync: nobody pulls its plug.
  public static let shared = Result { try PostgresProcess(["fsync=off", "max_connections=400"]) }

  /// - Parameter settings: as in postgresql.conf, "name=value".
  public init(_ settings: [String] = []) throws {
    guard let bin = Self.findBin() else { throw Failure.cannotStart("PostgreSQL is not installed") }
    self.bin = bin
    port = try Self.freePort()
    directory = try Self.makeDirectory()
    self.settings = settings
    try Self.run(
      bin + "/initdb",
      [
        "-D", directory + "/data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync",
        "--no-instructions",
      ])
    try start()
  }

  /// A standby that follows `primary`.
  public init(standbyOf primary: PostgresProcess, _ settings: [String] = []) throws {
    bin = primary.bin
    port = try Self.freePort()
    directory = try Self.makeDirectory()
    self.settings = settings
    try Self.run(
      bin + "/pg_basebackup",
      ["-D", directory + "/data", "-h", "127.0.0.1", "-p", String(primary.port), "-U", "postgres", "-R", "-c", "fast"])
    try start()
  }

  deinit {
    stop()
    _ = Self.spawn(["/bin/rm", "-rf", directory]).map { waitpid($0, nil, 0) }
  }

  public var url: String { url(user: "postgres") }
  public func url(user: String, database: String = "postgres") -> String {
    "postgresql://\(user)@127.0.0.1:\(port)/\(database)"
  }
  public var socketURL: String { "postgresql://postgres@/postgres?host=\(directory)&port=\(port)" }

  public func start() throws {
    let all =
      [
        "port=\(port)", "listen_addresses=127.0.0.1", "unix_socket_directories=\(directory)", "logging_collector=off",
        "max_wal_senders=4", "wal_keep_size=64MB", "shared_buffers=64MB",
      ] + settings
    guard
      let child = Self.spawn(
        Self.asUser + [bin + "/postgres", "-D", directory + "/data"] + all.flatMap { ["-c", $0] },
        log: directory + "/log")
    else { throw Failure.cannotStart("postgres: \(errno)") }
    pid = child
    // A test process that dies takes it along.
    let watch =
      "while kill -0 \(getpid()) && kill -0 \(child); do sleep 1; done; "
      + "kill -0 \(getpid()) || { kill -9 \(child); sleep 1; rm -rf \(directory); }"
    _ = Self.spawn(["/bin/sh", "-c", watch])
    for _ in 0..<2000 {
      if (try? ask("SELECT 1")) == "1" { return }
      usleep(5000)
    }
    throw Failure.cannotStart("postgres does not answer on \(port), see \(directory)/log")
  }

  /// Ends it as a crash would, and waits until it is gone.
  public func stop() {
    guard pid > 0 else { return }
    kill(pid, SIGCONT)
    // SIGQUIT: at once, without a checkpoint; its children go along.
    kill(pid, SIGQUIT)
    waitpid(pid, nil, 0)
    pid = 0
  }

  public func pause() { kill(pid, SIGSTOP) }
  public func resume() { kill(pid, SIGCONT) }

  /// Makes a standby the primary.
  public func promote() throws { try ask("SELECT pg_promote(true, 10)") }

  /// Runs SQL; what the last statement says, its columns parted by "|".
  @discardableResult
  public func ask(_ sql: String, user: String = "postgres") throws -> String {
    try Self.run(
      bin + "/psql",
      [
        "-h", "127.0.0.1", "-p", String(port), "-U", user, "-d", "postgres", "-X", "-q", "-A", "-t", "-v",
        "ON_ERROR_STOP=1", "-c", sql,
      ])
  }

  // MARK: Processes

  private static let asUser: [String] = {
    guard getuid() == 0 else { return [] }
    return ["/usr/bin/setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]
  }()

  private static func findBin() -> String? {
    for version in stride(from: 17, through: 13, by: -1) {
      let path = "/usr/lib/postgresql/\(version)/bin"
      if access(path + "/postgres", X_OK) == 0 { return path }
    }
    return nil
  }

  private static func makeDirectory() throws -> String {
    var template = Array("/tmp/gkick-postgres-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw Failure.cannotStart("no directory: \(errno)") }
    let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    if getuid() == 0, let user = getpwnam("postgres") { _ = chown(path, user.pointee.pw_uid, user.pointee.pw_gid) }
    return path
  }

  /// One that nobody listened on a moment ago.
  private static func freePort() throws -> UInt16 {
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

  private static func spawn(_ words: [String], log: String = "/dev/null", output: String = "/dev/null") -> pid_t? {
    var pointers: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) }
    pointers.append(nil)
    defer { pointers.forEach { free($0) } }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 2, log, O_WRONLY | O_CREAT | O_APPEND, 0o644)
    posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_APPEND, 0o644)
    var child: pid_t = 0
    return posix_spawn(&child, words[0], &actions, nil, &pointers, environ) == 0 ? child : nil
  }

  /// Runs a program to its end; what it printed.
  @discardableResult
  private static func run(_ program: String, _ arguments: [String]) throws -> String {
    // A file, not a pipe: another process that starts at this moment would keep a pipe open.
    var template = Array("/tmp/gkick-output-XXXXXX".utf8CString)
    let file = mkstemp(&template)
    guard file >= 0 else { throw Failure.cannotStart("no file for output: \(errno)") }
    _ = fcntl(file, F_SETFD, FD_CLOEXEC)
    let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    if getuid() == 0 { _ = fchmod(file, 0o666) }
    defer {
      close(file)
      unlink(path)
    }
    let isClient = program.hasSuffix("/psql")
    guard let child = spawn((isClient ? [] : asUser) + [program] + arguments, log: path, output: path) else {
      throw Failure.cannotStart(program)
    }
    var status: Int32 = 0
    waitpid(child, &status, 0)
    var output: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65536)
    while true {
      let count = read(file, &buffer, buffer.count)
      if count <= 0 { break }
      output += buffer.prefix(count)
    }
    let text = String(decoding: output, as: UTF8.self)
    guard status == 0 else { throw Failure.cannotStart("\(program) ended with \(status >> 8): \(text)") }
    return String(text.reversed().drop(while: \.isNewline).reversed())
  }
}

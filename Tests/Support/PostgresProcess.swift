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

  public typealias Failure = Programs.Failure

  /// Whether there is a PostgreSQL to start.
  public static let isInstalled = findBin() != nil

  /// One for all tests that need no more than a schema of their own. Without fsync: nobody pulls its plug.
  public static let shared = Result { try PostgresProcess(["fsync=off", "max_connections=400"]) }

  /// - Parameter settings: as in postgresql.conf, "name=value".
  public init(_ settings: [String] = []) throws {
    guard let bin = Self.findBin() else { throw Failure.cannotStart("PostgreSQL is not installed") }
    self.bin = bin
    port = try Programs.freePort()
    directory = try Programs.makeDirectory("postgres", owner: "postgres")
    self.settings = settings
    try Programs.run(
      Self.asUser + [
        bin + "/initdb",
        "-D", directory + "/data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync",
        "--no-instructions",
      ])
    try start()
  }

  /// A standby that follows `primary`.
  public init(standbyOf primary: PostgresProcess, _ settings: [String] = []) throws {
    bin = primary.bin
    port = try Programs.freePort()
    directory = try Programs.makeDirectory("postgres", owner: "postgres")
    self.settings = settings
    try Programs.run(
      Self.asUser + [
        bin + "/pg_basebackup", "-D", directory + "/data", "-h", "127.0.0.1", "-p", String(primary.port), "-U",
        "postgres", "-R", "-c", "fast",
      ])
    try start()
  }

  deinit {
    stop()
    _ = Programs.spawn(["/bin/rm", "-rf", directory]).map { waitpid($0, nil, 0) }
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
      let child = Programs.spawn(
        Self.asUser + [bin + "/postgres", "-D", directory + "/data"] + all.flatMap { ["-c", $0] },
        log: directory + "/log")
    else { throw Failure.cannotStart("postgres: \(errno)") }
    pid = child
    // A test process that dies takes it along.
    let watch =
      "while kill -0 \(getpid()) && kill -0 \(child); do sleep 1; done; "
      + "kill -0 \(getpid()) || { kill -9 \(child); sleep 1; rm -rf \(directory); }"
    _ = Programs.spawn(["/bin/sh", "-c", watch])
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
    try Programs.run(
      [
        bin + "/psql",
        "-h", "127.0.0.1", "-p", String(port), "-U", user, "-d", "postgres", "-X", "-q", "-A", "-t", "-v",
        "ON_ERROR_STOP=1", "-c", sql,
      ])
  }

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
}

import Glibc

/// A MariaDB of a test's own: own port, own directory, removed with it. As root it runs as the user `mysql` that its package makes.
public final class MariaProcess: @unchecked Sendable {
  // @unchecked: `pid` changes only in start and stop, which a test calls from one thread.
  public let port: UInt16
  public let directory: String
  private let settings: [String]
  public private(set) var pid: pid_t = 0

  public typealias Failure = Programs.Failure
  private static let server = "/usr/sbin/mariadbd"

  /// Whether there is a MariaDB to start.
  public static let isInstalled = access(server, X_OK) == 0

  /// One for all tests that need no more than a database of their own. It does not sync: nobody pulls its plug.
  public static let shared = Result {
    try MariaProcess(["--innodb-flush-log-at-trx-commit=0", "--max-connections=600"])
  }

  /// - Parameter settings: as on the server's command line.
  public init(_ settings: [String] = []) throws {
    guard Self.isInstalled else { throw Failure.cannotStart("MariaDB is not installed") }
    port = try Programs.freePort()
    directory = try Programs.makeDirectory("maria", owner: "mysql")
    self.settings = settings
    try Programs.run(
      Self.asUser + [
        "/usr/bin/mariadb-install-db", "--no-defaults", "--datadir=\(directory)/data",
        "--auth-root-authentication-method=normal",
        "--skip-test-db",
      ])
    try start()
  }

  deinit {
    stop()
    _ = Programs.spawn(["/bin/rm", "-rf", directory]).map { waitpid($0, nil, 0) }
  }

  public func url(user: String = "root", database: String) -> String {
    "mysql://\(user)@127.0.0.1:\(port)/\(database)"
  }
  public var socketPath: String { directory + "/s" }

  public func start() throws {
    let arguments = [
      "--no-defaults", "--datadir=\(directory)/data", "--port=\(port)", "--bind-address=127.0.0.1",
      "--socket=\(socketPath)",
      "--pid-file=\(directory)/pid", "--skip-name-resolve",
    ]
    guard let child = Programs.spawn(Self.asUser + [Self.server] + arguments + settings, log: directory + "/log") else {
      throw Failure.cannotStart("mariadbd: \(errno)")
    }
    pid = child
    // A test process that dies takes it along.
    let watch =
      "while kill -0 \(getpid()) && kill -0 \(child); do sleep 1; done; "
      + "kill -0 \(getpid()) || { kill -9 \(child); sleep 1; rm -rf \(directory); }"
    _ = Programs.spawn(["/bin/sh", "-c", watch])
    for _ in 0..<1000 {
      if (try? ask("SELECT 1")) == "1" { return }
      usleep(10_000)
    }
    throw Failure.cannotStart("mariadbd does not answer on \(port), see \(directory)/log")
  }

  /// Ends it as a crash would, and waits until it is gone.
  public func stop() {
    guard pid > 0 else { return }
    kill(pid, SIGCONT)
    kill(pid, SIGKILL)
    waitpid(pid, nil, 0)
    pid = 0
  }

  public func pause() { kill(pid, SIGSTOP) }
  public func resume() { kill(pid, SIGCONT) }

  /// Runs SQL; what it says, its columns parted by tabs.
  @discardableResult
  public func ask(_ sql: String, user: String = "root", database: String = "") throws -> String {
    try Programs.run(
      ["/usr/bin/mariadb", "--no-defaults", "-h", "127.0.0.1", "-P", String(port), "-u", user, "-N", "-B", "-e", sql]
        + (database.isEmpty ? [] : [database]))
  }

  private static let asUser: [String] = {
    guard getuid() == 0 else { return [] }
    return ["/usr/bin/setpriv", "--reuid=mysql", "--regid=mysql", "--clear-groups", "--"]
  }()
}

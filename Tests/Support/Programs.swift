import Glibc

/// What starting the servers of tests takes.
public enum Programs {
  public enum Failure: Error { case cannotStart(String) }

  public static func makeDirectory(_ name: String, owner: String) throws -> String {
    var template = Array("/tmp/gkick-\(name)-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw Failure.cannotStart("no directory: \(errno)") }
    let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    if getuid() == 0, let user = getpwnam(owner) { _ = chown(path, user.pointee.pw_uid, user.pointee.pw_gid) }
    return path
  }

  /// One that nobody listened on a moment ago.
  public static func freePort() throws -> UInt16 {
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

  public static func spawn(_ words: [String], log: String = "/dev/null", output: String = "/dev/null") -> pid_t? {
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

  /// Makes a process stand still, or go on.
  public static func signal(_ pid: pid_t, stop: Bool) { kill(pid, stop ? SIGSTOP : SIGCONT) }

  /// Runs a program to its end; what it printed.
  @discardableResult
  public static func run(_ words: [String]) throws -> String {
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
    // The last line is how it ended: in this process others wait for any child (see ChildReaper), and may have had this one's status.
    let wrapped = ["/bin/sh", "-c", #""$@"; code=$?; printf '\n%s' "$code"; exit "$code""#, "sh"] + words
    guard let child = spawn(wrapped, log: path, output: path) else { throw Failure.cannotStart(words[0]) }
    waitpid(child, nil, 0)
    var output: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65536)
    while true {
      let count = read(file, &buffer, buffer.count)
      if count <= 0 { break }
      output += buffer.prefix(count)
    }
    let lines = String(decoding: output, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
    let text = lines.dropLast().joined(separator: "\n")
    guard let code = lines.last, code == "0" else {
      throw Failure.cannotStart("\(words.prefix(8)) ended with \(lines.last ?? ""): \(text)")
    }
    return String(text.reversed().drop(while: \.isNewline).reversed())
  }
}

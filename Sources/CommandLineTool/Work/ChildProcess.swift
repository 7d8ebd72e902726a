import CSpawn
import Glibc

/// A program that was started: posix_spawn behind one small wrapper. The program leads a process group of its own, so that the terminal's
/// Ctrl-C reaches the worker only and a signal to the group reaches what the program has started; of the worker's descriptors it gets
/// none but the four pipes made for it.
struct ChildProcess {
  let id: pid_t
  /// The worker's ends of the pipes; none blocks.
  var input: Pipe.End
  var output: Pipe.End
  var errors: Pipe.End
  /// What the program writes to its descriptor `reportDescriptor`.
  var reports: Pipe.End

  /// Where the program may say how far it has come.
  static let reportDescriptor: Int32 = 3

  struct NotStarted: Error, CustomStringConvertible {
    var reason: String
    var description: String { reason }

    init(_ code: Int32) {
      // The text belongs to the C library and is copied at once.
      reason = unsafe String(cString: strerror(code))
    }
  }

  /// Starts `/bin/sh -c command arguments...`.
  /// - Parameters:
  ///   - variables: added to this process's environment; one that is there already is replaced.
  ///   - dropping: variables of this process that begin so are not handed on.
  static func shell(
    _ command: String, arguments: [String] = [], variables: [(String, String)], dropping: [String] = []
  ) throws(NotStarted) -> ChildProcess {
    var pipes: [Pipe] = []
    func pipe() throws(NotStarted) -> Pipe {
      let pipe = try Pipe()
      pipes.append(pipe)
      return pipe
    }
    do throws(NotStarted) {
      let (input, output, errors, reports) = (try pipe(), try pipe(), try pipe(), try pipe())
      let id = try spawn(
        ["/bin/sh", "-c", command, "sh"] + arguments,
        descriptors: [
          (input.reading.descriptor, STDIN_FILENO), (output.writing.descriptor, STDOUT_FILENO),
          (errors.writing.descriptor, STDERR_FILENO), (reports.writing.descriptor, reportDescriptor),
        ], variables: variables, dropping: dropping)
      for end in [input.reading, output.writing, errors.writing, reports.writing] { end.close() }
      for end in [input.writing, output.reading, errors.reading, reports.reading] { end.doNotBlock() }
      return ChildProcess(
        id: id, input: input.writing, output: output.reading, errors: errors.reading, reports: reports.reading)
    } catch {
      for pipe in pipes { pipe.close() }
      throw error
    }
  }

  private static func spawn(
    _ arguments: [String], descriptors: [(own: Int32, its: Int32)], variables: [(String, String)], dropping: [String]
  ) throws(NotStarted) -> pid_t {
    // The structs are filled by their init functions and given back by their destroy functions, on every way out.
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    for (own, its) in descriptors { unsafe posix_spawn_file_actions_adddup2(&actions, own, its) }
    unsafe posix_spawn_file_actions_addclosefrom_np(&actions, reportDescriptor + 1)

    var attributes = posix_spawnattr_t()
    unsafe posix_spawnattr_init(&attributes)
    defer { unsafe posix_spawnattr_destroy(&attributes) }
    unsafe posix_spawnattr_setflags(
      &attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))
    unsafe posix_spawnattr_setpgroup(&attributes, 0)
    // What the worker ignores or holds back is no concern of the program's.
    var signals = sigset_t()
    unsafe sigemptyset(&signals)
    unsafe posix_spawnattr_setsigmask(&attributes, &signals)
    for signal in [SIGPIPE, SIGXFSZ, SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGQUIT] { unsafe sigaddset(&signals, signal) }
    unsafe posix_spawnattr_setsigdefault(&attributes, &signals)

    // Copies for the C function, freed when it has returned.
    let copies = unsafe arguments.map { unsafe strdup($0) }
    let made = unsafe variables.map { unsafe strdup("\($0.0)=\($0.1)") }
    defer { unsafe (copies + made).forEach { unsafe free($0) } }
    let words: [UnsafeMutablePointer<CChar>?] = unsafe copies + [nil]
    let environment = unsafe made + inherited(without: dropping + variables.map { $0.0 + "=" }) + [nil]
    var id: pid_t = 0
    // Both arrays end with nil, and their strings live until this function returns.
    let code = unsafe posix_spawn(&id, "/bin/sh", &actions, &attributes, words, environment)
    guard code == 0 else { throw NotStarted(code) }
    return id
  }

  /// This process's own variables, as they stand: whatever their bytes.
  private static func inherited(without prefixes: [String]) -> [UnsafeMutablePointer<CChar>?] {
    var kept: [UnsafeMutablePointer<CChar>?] = unsafe []
    // `environ` is an array of C strings that ends with nil; nobody in this program changes it.
    var entry = unsafe environ
    while let text = unsafe entry.pointee {
      if !prefixes.contains(where: { unsafe strncmp(text, $0, $0.utf8.count) == 0 }) { unsafe kept.append(text) }
      unsafe entry += 1
    }
    return unsafe kept
  }
}

/// A pipe of this process; programs that it starts inherit neither end.
struct Pipe {
  struct End {
    let descriptor: Int32

    func close() { _ = Glibc.close(descriptor) }
    func doNotBlock() { _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK) }
  }

  let reading: End
  let writing: End

  init() throws(ChildProcess.NotStarted) {
    var ends: [Int32] = [-1, -1]
    // Fills the two elements.
    guard unsafe pipe2(&ends, O_CLOEXEC) == 0 else { throw ChildProcess.NotStarted(errno) }
    reading = End(descriptor: ends[0])
    writing = End(descriptor: ends[1])
  }

  func close() {
    reading.close()
    writing.close()
  }
}
